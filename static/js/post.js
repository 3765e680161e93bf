// Sends a form for a script, and says what went wrong in words for people.

// The server's own words, which are shown as they are.
class Refusal extends Error {
  constructor(words, status) {
    super(words);
    this.status = status;
  }
}

// What the server answers; throws when it refuses, when it does not answer, and when it answers with a page instead.
export async function post(form, data) {
  const response = await fetch(form.action, { method: "POST", body: data, headers: { Accept: "application/json" } });
  const answer = await response.json();
  if (answer.error) throw new Refusal(answer.error, response.status);
  if (!response.ok && response.status !== 409) throw new Error(`status ${response.status}`);
  return answer;
}

// `what`: what did not happen.
export function explain(error, what) {
  if (error instanceof Refusal) return error.message;
  return `${what}: the connection was lost, or you were logged out. Try again, or reload the page.`;
}
