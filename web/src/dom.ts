/** The element with this id, which the page's HTML brings along. */
export function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no element "${id}".`);
  return found;
}

/** A new element. Children are set as text or nodes, so that nothing from the API is ever read as HTML. */
export function make(tag: string, className: string, ...children: (Node | string)[]): HTMLElement {
  const element = document.createElement(tag);
  element.className = className;
  element.append(...children);
  return element;
}

/** Runs `fill`; what goes wrong is written to the element `problemId`, which is hidden while all is well. */
export async function orExplain(problemId: string, fill: () => Promise<void>): Promise<void> {
  const place = byId(problemId);
  try {
    await fill();
    place.hidden = true;
  } catch (problem) {
    place.textContent = problem instanceof Error ? problem.message : String(problem);
    place.hidden = false;
  }
}
