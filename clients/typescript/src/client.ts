import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import { print } from 'graphql';
import type { ErrorCode } from './generated.js';

type Problem = { message: string; extensions: { code: ErrorCode; retryable: boolean } };
type Answer<Data> = { data?: Data | null; errors?: Problem[] };

/** The request failed, or a field that fails the whole of it; errors of single coins are in their results. */
export class ApiError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;

  constructor({ message, extensions }: Problem) {
    super(`${extensions.code}: ${message}`);
    this.code = extensions.code;
    this.retryable = extensions.retryable;
  }
}

const server = process.env['PRICEGRAPH_URL'] ?? 'http://127.0.0.1:8000';
const token = process.env['PRICEGRAPH_TOKEN'];

/** Sends an operation. Document and variables are checked against each other by the compiler. */
export async function ask<Data, Variables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  const response = await fetch(`${server}/graphql`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query: print(document), variables }),
  });
  const { data, errors } = (await response.json()) as Answer<Data>;
  const problem = errors?.[0];
  if (problem) throw new ApiError(problem);
  if (!data) throw new Error(`HTTP ${response.status} without data; is PRICEGRAPH_URL the address of the server?`);
  return data;
}
