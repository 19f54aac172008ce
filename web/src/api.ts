type GraphQLAnswer<Data> = { data?: Data | null; errors?: { message: string }[] };

/** An answer that cannot be used; the message is meant for the reader of the page. */
export class ApiProblem extends Error {}

/** Sends one query. Rejects with an `ApiProblem` in words unless every field was answered. */
export async function ask<Data>(query: string): Promise<Data> {
  const { data, errors } = await read<Data>(await post(query));
  if (errors?.length) throw new ApiProblem(errors.map(({ message }) => message).join(' '));
  if (!data) throw new ApiProblem('The API answered without data and without a reason.');
  return data;
}

async function post(query: string): Promise<Response> {
  try {
    return await fetch('/graphql', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      body: JSON.stringify({ query }),
    });
  } catch (cause) {
    throw new ApiProblem('The API cannot be reached. Is the server still running?', { cause });
  }
}

async function read<Data>(response: Response): Promise<GraphQLAnswer<Data>> {
  try {
    return await response.json();
  } catch (cause) {
    throw new ApiProblem(`The API answered HTTP ${response.status} with something that is not JSON.`, { cause });
  }
}
