// Every operation of the contract with the official client. Prints what was asked and how it was answered, as one JSON line.
import assert from "node:assert/strict";
import { createReadStream } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [, , modules, trainingFile, given] = process.argv;
const require = createRequire(pathToFileURL(`${modules}/`));
const { OpenAI, toFile } = require("openai");
const { eval: evaluation, run: graded } = JSON.parse(given);

const calls = [];
const client = new OpenAI({
  maxRetries: 0,
  fetch: async (url, options) => {
    const answer = await fetch(url, options);
    const { protocol, pathname } = new URL(url);
    // The client tries out on "data:," whether this function can take forms.
    if (protocol === "http:") calls.push([(options?.method ?? "GET").toUpperCase(), pathname, answer.status]);
    return answer;
  },
}); // address and key come from the environment

const all = async (pages) => {
  const found = [];
  for await (const one of pages) found.push(one);
  return found;
};
const until = async (look, over) => {
  const deadline = Date.now() + 120_000;
  for (;;) {
    const seen = await look();
    if (over(seen)) return seen;
    assert(Date.now() < deadline, JSON.stringify(seen));
    await new Promise((wake) => setTimeout(wake, 100));
  }
};

const file = await client.files.create({ file: createReadStream(trainingFile), purpose: "fine-tune" });
assert.equal((await client.files.retrieve(file.id)).purpose, "fine-tune");
assert((await (await client.files.content(file.id)).text()).length > 0);
const jobs = client.fineTuning.jobs;
const job = await jobs.create({ model: "tiny", training_file: file.id, hyperparameters: { n_epochs: 1 } });
const waiting = await jobs.create({ model: "tiny", training_file: file.id, hyperparameters: { n_epochs: 50, batch_size: 1 } });
await jobs.pause(waiting.id);
await until(() => jobs.retrieve(waiting.id), (seen) => seen.status === "paused");
assert.equal((await jobs.resume(waiting.id)).status, "queued");
await jobs.cancel(waiting.id);
const done = await until(() => jobs.retrieve(job.id), (seen) => seen.finished_at !== null);
assert.equal(done.status, "succeeded");
assert.equal((await all(jobs.list({ limit: 1 }))).length, 2);
assert.equal((await all(jobs.listEvents(job.id, { limit: 2 }))).at(-1).message, "Job created");
const checkpoint = (await all(jobs.checkpoints.list(job.id)))[0].fine_tuned_model_checkpoint;
const permissions = client.fineTuning.checkpoints.permissions;
const shared = (await all(permissions.create(checkpoint, { project_ids: ["team-b"] })))[0];
assert.equal((await all(permissions.list(checkpoint)))[0].project_id, "team-b");
assert((await permissions.delete(shared.id, { fine_tuned_model_checkpoint: checkpoint })).deleted);
const grader = evaluation.testing_criteria[0];
assert.equal((await client.fineTuning.alpha.graders.validate({ grader })).grader.name, "exact");
assert.equal((await client.fineTuning.alpha.graders.run({ grader, model_sample: "fan" })).reward, 1);
assert((await all(client.models.list())).some((model) => model.id === done.fine_tuned_model));
assert.equal((await client.models.retrieve(done.fine_tuned_model)).id, done.fine_tuned_model);
assert((await client.models.delete(done.fine_tuned_model)).deleted);
assert((await all(client.files.list({ limit: 1 }))).length > 0);
assert((await client.files.delete(file.id)).deleted);

const lines = (make) => toFile(Buffer.from(Array.from({ length: 10 }, (_, number) => JSON.stringify(make(number))).join("\n")), "lines.jsonl");
const asks = (number) => [{ role: "user", content: `pump ${number}?` }];
const says = (content) => [{ role: "assistant", content }];
const pairs = await client.files.create({
  file: await lines((number) => ({ input: { messages: asks(number) }, preferred_output: says("on"), non_preferred_output: says("off") })),
  purpose: "fine-tune",
  expires_after: { anchor: "created_at", seconds: 3600 },
});
assert.equal(pairs.expires_at - pairs.created_at, 3600);
const dpo = { hyperparameters: { n_epochs: 1, batch_size: "auto", beta: 0.2 } };
const preferring = await jobs.create({ model: "tiny", training_file: pairs.id, method: { type: "dpo", dpo } });
assert.deepEqual(preferring.method.dpo.hyperparameters, { n_epochs: 1, batch_size: 4, learning_rate_multiplier: 1, beta: 0.2 });
const prompts = await client.files.create({ file: await lines((number) => ({ messages: asks(number), part: "fan" })), purpose: "fine-tune" });
const reinforcement = { grader: { ...grader, reference: "{{item.part}}" }, hyperparameters: { n_epochs: 1, eval_samples: 2 } };
const rated = await jobs.create({ model: "tiny", training_file: prompts.id, method: { type: "reinforcement", reinforcement } });
await jobs.cancel(rated.id);
assert.deepEqual(rated.method.reinforcement.grader, reinforcement.grader);
assert.equal(rated.method.reinforcement.hyperparameters.eval_samples, 2);
const preferred = await until(() => jobs.retrieve(preferring.id), (seen) => seen.finished_at !== null);
assert.equal(preferred.status, "succeeded");
const rewards = (await all(jobs.listEvents(preferring.id))).filter((event) => event.type === "metrics");
assert(rewards.length > 0 && rewards.every((event) => "train_reward_accuracy" in event.data));

const begin = () => client.uploads.create({ filename: "a.txt", bytes: 7, mime_type: "text/plain", purpose: "batch" });
const upload = await begin();
const parts = await Promise.all(["one ", "two"].map(async (text) => client.uploads.parts.create(upload.id, { data: await toFile(Buffer.from(text)) })));
const joined = await client.uploads.complete(upload.id, { part_ids: parts.map((part) => part.id) });
assert.equal(await (await client.files.content(joined.file.id)).text(), "one two");
assert.equal((await client.uploads.cancel((await begin()).id)).status, "cancelled");

const chats = client.chat.completions;
const kept = await chats.create({ model: "tiny", messages: [{ role: "user", content: "hello" }], max_tokens: 2, store: true });
assert.equal((await chats.retrieve(kept.id)).id, kept.id);
assert.deepEqual((await chats.update(kept.id, { metadata: { team: "a" } })).metadata, { team: "a" });
assert.deepEqual((await all(chats.list({ metadata: { team: "a" } }))).map((one) => one.id), [kept.id]);
assert.deepEqual((await all(chats.messages.list(kept.id))).map((one) => one.content), ["hello"]);
assert((await chats.delete(kept.id)).deleted);
assert((await client.completions.create({ model: "tiny", prompt: "one", max_tokens: 2 })).usage.completion_tokens <= 2);
assert.equal((await client.embeddings.create({ model: "tiny", input: ["one", "two"] })).data.length, 2);
const responses = client.responses;
const answer = await responses.create({ model: "tiny", input: "hello", max_output_tokens: 16, store: true });
assert.equal((await responses.retrieve(answer.id)).output_text, answer.output_text);
assert.equal((await all(responses.inputItems.list(answer.id))).length, 1);
await responses.delete(answer.id);
const queued = await responses.create({ model: "tiny", input: "hello", max_output_tokens: 400, background: true });
assert.ok(["cancelled", "completed", "incomplete"].includes((await responses.cancel(queued.id)).status));
let last;
for await (const event of await responses.create({ model: "tiny", input: "hello", max_output_tokens: 16, background: true, stream: true })) last = event;
assert.deepEqual((await responses.retrieve(last.response.id)).output, last.response.output);

// What the helpers made of an answer goes back as it is.
const parameters = { type: "object", properties: { a: { enum: ["x", "y"] } }, required: ["a"], additionalProperties: false };
const calling = { model: "tiny", tool_choice: "required", parallel_tool_calls: false };
const question = { role: "user", content: "hello" };
const tool = { type: "function", function: { name: "f", strict: true, parameters } };
const called = await chats.stream({ ...calling, max_tokens: 100, messages: [question], tools: [tool] }).finalMessage();
assert.ok(called.tool_calls[0].function.parsed_arguments.a);
const result = { role: "tool", tool_call_id: called.tool_calls[0].id, content: "z" };
await chats.create({ model: "tiny", max_tokens: 1, messages: [question, called, result] });
const { output } = await responses.parse({ ...calling, max_output_tokens: 100, input: "hello", tools: [{ type: "function", ...tool.function }] });
assert.ok(output[0].parsed_arguments.a);
const outcome = { type: "function_call_output", call_id: output[0].call_id, output: "z" };
await responses.create({ model: "tiny", max_output_tokens: 16, input: [question, ...output, outcome] });
assert.ok((await client.fineTuning.jobs.list({ metadata: null })).data.length);

const evals = client.evals;
const made = await evals.create(evaluation);
assert.equal((await evals.update(made.id, { name: "fans" })).name, "fans");
assert.equal((await evals.retrieve(made.id)).name, "fans");
assert.deepEqual((await all(evals.list())).map((one) => one.id), [made.id]);
const run = await evals.runs.create(made.id, graded);
const over = await until(() => evals.runs.retrieve(run.id, { eval_id: made.id }), (seen) => !["queued", "in_progress"].includes(seen.status));
assert.equal(over.result_counts.passed, 1);
const [item] = await all(evals.runs.outputItems.list(run.id, { eval_id: made.id }));
assert.equal((await evals.runs.outputItems.retrieve(item.id, { eval_id: made.id, run_id: run.id })).status, "pass");
assert.deepEqual((await all(evals.runs.list(made.id))).map((one) => one.id), [run.id]);
const asked = {
  type: "completions",
  model: "tiny",
  source: { type: "file_content", content: Array(200).fill({ item: {} }) },
  input_messages: { type: "template", template: [{ role: "user", content: "hello" }] },
};
const stopped = await evals.runs.create(made.id, { data_source: asked });
assert.equal((await evals.runs.cancel(stopped.id, { eval_id: made.id })).status, "canceled");
await evals.runs.delete(run.id, { eval_id: made.id });
assert((await evals.delete(made.id)).deleted);

console.log(JSON.stringify(calls));
