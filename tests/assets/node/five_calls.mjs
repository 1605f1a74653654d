// The five calls with the official client: upload, create, monitor, retrieve, use. Prints one JSON line of what it saw.
import { createReadStream } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [, , modules, trainingFile] = process.argv;
const require = createRequire(pathToFileURL(`${modules}/`));
const openai = require("openai");
const OpenAI = openai.OpenAI;
const client = new OpenAI({ maxRetries: 0 }); // address and key come from the environment

const uploaded = await client.files.create({ file: createReadStream(trainingFile), purpose: "fine-tune" });
const ready = await client.files.waitForProcessing(uploaded.id);
const content = await (await client.files.content(uploaded.id)).text();

let job = await client.fineTuning.jobs.create({
  model: "tiny",
  training_file: uploaded.id,
  suffix: "from-node",
  seed: 7,
  method: { type: "supervised", supervised: { hyperparameters: { n_epochs: 2, batch_size: 4 } } },
});
const created = { status: job.status, epochs: job.method.supervised.hyperparameters.n_epochs };
const deadline = Date.now() + 120_000;
while (!["succeeded", "failed", "cancelled"].includes(job.status) && Date.now() < deadline) {
  await new Promise((wake) => setTimeout(wake, 200));
  job = await client.fineTuning.jobs.retrieve(job.id);
}

const steps = [];
for await (const event of client.fineTuning.jobs.listEvents(job.id, { limit: 2 })) {
  if (event.type === "metrics") steps.push(event.data.step);
}
const checkpoints = [];
for await (const one of client.fineTuning.jobs.checkpoints.list(job.id)) checkpoints.push(one.step_number);
const listed = [];
for await (const one of client.fineTuning.jobs.list({ limit: 1 })) listed.push(one.id);

const model = await client.models.retrieve(job.fine_tuned_model);
const asked = { model: model.id, messages: [{ role: "user", content: "one" }], max_tokens: 6, temperature: 0 };
const answer = await client.chat.completions.create(asked);
let streamed = "";
let usage = null;
for await (const chunk of await client.chat.completions.create({ ...asked, stream: true, stream_options: { include_usage: true } })) {
  streamed += chunk.choices[0]?.delta.content ?? "";
  usage = chunk.usage ?? usage;
}

const refusal = async (call) => {
  try {
    await call();
    return null;
  } catch (fault) {
    return { name: fault.constructor.name, status: fault.status, code: fault.code, param: fault.param, id: fault.requestID };
  }
};
const refused = {
  model: await refusal(() => client.chat.completions.create({ ...asked, model: "none" })),
  temperature: await refusal(() => client.chat.completions.create({ ...asked, temperature: 3 })),
  key: await refusal(() => new OpenAI({ apiKey: "hone-wrong", maxRetries: 0 }).models.list()),
};
const deleted = (await client.models.delete(model.id)).deleted;

console.log(
  JSON.stringify({
    ready: ready.status, content, created, status: job.status, steps, checkpoints, listed: listed.includes(job.id),
    model: model.id, tuned: job.fine_tuned_model, answer: answer.choices[0].message.content, answeredBy: answer.model,
    streamed, tokens: usage?.completion_tokens, plainTokens: answer.usage.completion_tokens, refused, deleted,
  }),
);
