// The labelling page: one example at a time, keyboard first. The server keeps the truth; a decision is shown as made
// only after the server has answered that it is on the disk.
"use strict";

const $ = (id) => document.getElementById(id);
const LONG = 12; // from so many values on, a list of choices gets a search field
let session, items, current = null, position = 0, active = 0, editing = false, dirty = new Set(), busy = Promise.resolve(), keys = Promise.resolve();

async function call(path, method = "GET", body = undefined) {
  const headers = body === undefined ? { "x-hone-label": "1" } : { "x-hone-label": "1", "content-type": "application/json" };
  let answer;
  try {
    answer = await fetch(`api/${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Error("The command does not answer: nothing more is saved. Start `hone data label` again.");
  }
  const document = await answer.json();
  if (!answer.ok) throw new Error(document.error.what || document.error.message);
  return document;
}

// One call after the other, so that a fast hand never overtakes its own saving.
function inTurn(work) {
  busy = busy.then(work).catch((fault) => say(fault.message, true));
  return busy;
}

function say(text, isFault = false) {
  $("status").textContent = text;
  $("status").classList.toggle("fault", isFault);
}

function make(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// --- which examples are shown -----------------------------------------------------------------

function shown() {
  const wanted = $("filter").value;
  if (wanted === "all") return items;
  if (wanted === "findings") return items.filter((item) => item.finding_count > 0);
  if (wanted === "suspects") return items.filter((item) => item.is_suspect);
  return items.filter((item) => item.state === wanted && (item.is_suspect || !session.is_review));
}

function remember(item) {
  const index = items.findIndex((other) => other.key === item.key);
  const { key, line, state, is_edited, finding_count, is_suspect } = item;
  const summary = { key, line, state, is_edited, finding_count, is_suspect };
  if (index < 0) items.push(summary); else items[index] = summary;
}

async function open(index) {
  const list = shown();
  position = Math.max(0, Math.min(index, list.length - 1));
  current = list.length ? await call(`items/${list[position].key}`) : null;
  editing = false;
  active = 0;
  draw();
  window.scrollTo(0, 0);
}

// --- drawing ----------------------------------------------------------------------------------

function draw() {
  const list = shown(), counts = { accepted: 0, rejected: 0, undecided: 0 };
  const counted = session.is_review ? items.filter((item) => item.is_suspect) : items;
  for (const item of counted) counts[item.state] += 1;
  $("bar").max = Math.max(counted.length, 1);
  $("bar").value = counts.accepted + counts.rejected;
  $("counts").textContent = `${counts.accepted} accepted, ${counts.rejected} rejected, ${counts.undecided} undecided`;
  $("example").hidden = !current;
  $("nothing").hidden = Boolean(current);
  $("nothing").textContent = items.length ? "Nothing is left to show here. Choose another filter, or finish." : "There is no example yet. Press n to write one.";
  for (const id of ["previous", "next", "edit", "save", "undo", "reject", "accept"]) $(id).disabled = !current;
  dirty.clear();
  if (!current) return;
  const where = current.line ? `line ${current.line}` : current.key.replace("-", " ");
  $("place").textContent = `${position + 1} of ${list.length}, ${where}`;
  $("state").textContent = current.state;
  $("state").className = `chip ${current.state}`;
  $("edited").hidden = !current.is_edited;
  $("note").textContent = current.note;
  $("note").hidden = !current.note;
  $("edit").setAttribute("aria-pressed", String(editing));
  drawMessages();
  drawSuggestion();
  drawFields();
  $("answer").value = current.answer ?? "";
  $("as-text").hidden = isFreeText();
  $("as-text").open = session.form.format === "json" && current.answer !== null && current.values === null;
  drawProblems(current.state === "undecided" && current.answer !== null ? current.problems : []);
  drawFindings();
}

// A saved example is drawn anew while a hand may be in one of its fields already: the focus stays there.
function redraw() {
  const { id, selectionStart, selectionEnd } = document.activeElement, field = active;
  draw();
  const held = id ? $(id) : null;
  if (!held || held === document.activeElement) return;
  held.focus({ preventScroll: true });
  if (Number.isInteger(selectionStart)) held.setSelectionRange(selectionStart, selectionEnd);
  active = field;
  markActive();
}

function hasAnswer() {
  return current.messages.length > 0 && current.messages[current.messages.length - 1].role === "assistant";
}

function isFreeText() {
  return session.form.format === "text" && session.form.fields[0].kind === "text";
}

function drawMessages() {
  const before = hasAnswer() ? current.messages.slice(0, -1) : current.messages;
  $("messages").replaceChildren(...before.map((message, index) => {
    const card = make("article", { className: `message ${message.role}` });
    if (editing) {
      const id = `message-${index}`;
      const text = make("textarea", { id, value: message.text, rows: Math.min(14, 2 + message.text.split("\n").length + message.text.length / 90) });
      text.addEventListener("input", () => dirty.add(index));
      const label = make("label", { className: "role", htmlFor: id, textContent: message.role });
      card.append(label, text);
    } else if (message.role !== "user" && message.text.length > 300) {
      const teaser = make("span", { className: "teaser", textContent: ` ${message.text.slice(0, 90)}…` });
      const summary = make("summary", {}, make("span", { className: "role", textContent: message.role }), teaser);
      card.append(make("details", {}, summary, make("pre", { textContent: message.text })));
    } else {
      card.append(make("div", { className: "role", textContent: message.role }), make("pre", { textContent: message.text }));
    }
    if (message.rest) card.append(make("pre", { className: "rest", textContent: message.rest }));
    return card;
  }));
  const last = hasAnswer() ? current.messages[current.messages.length - 1] : null;
  if (last && last.rest) $("messages").append(make("article", { className: "message" }, make("div", { className: "role", textContent: "beside the answer" }), make("pre", { className: "rest", textContent: last.rest })));
}

function drawSuggestion() {
  const has = current.suggested !== null && current.suggested !== undefined;
  $("suggestion").hidden = !has;
  const score = current.score === null || current.score === undefined ? "" : ` (score ${Number(current.score).toFixed(2)})`;
  $("suggestion-text").textContent = has ? `Given: ${plain(current.given)}. Suggested: ${plain(current.suggested)}${score}.` : "";
}

function plain(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function drawProblems(problems) {
  $("problems").replaceChildren(...problems.map((problem) => make("li", { textContent: problem })));
}

function drawFindings() {
  const cards = current.findings.map((finding) => make("div", { className: `finding ${finding.severity}` },
    make("p", {}, make("b", { textContent: `${finding.severity}: ` }), finding.message),
    make("p", { className: "how", textContent: `${finding.fix} [${finding.code}${finding.field ? `, ${finding.field}` : ""}]` })));
  $("findings").replaceChildren(...(cards.length ? [make("h3", { textContent: "What the check found in the file" }), ...cards] : []));
}

// --- the form -----------------------------------------------------------------------------------

function drawFields() {
  $("fields").replaceChildren(...session.form.fields.map(drawField));
  markActive();
}

function valueOf(field) {
  const value = current.values ? current.values[field.name] : undefined;
  return value === undefined ? (session.form.format === "text" ? "" : null) : value;
}

function drawField(field, index) {
  const box = make("fieldset", {}, make("legend", { textContent: session.form.fields.length > 1 ? field.name : "Answer" }));
  box.addEventListener("focusin", () => { active = index; markActive(); });
  if (hasChoices(field)) drawChoices(box, field, index);
  else drawInput(box, field, index);
  return box;
}

function hasChoices(field) {
  return field.kind === "boolean" || field.values.length > 0;
}

function drawChoices(box, field, index) {
  const many = field.kind === "list", value = valueOf(field);
  let choices = field.kind === "boolean" ? [true, false] : [...field.values];
  const present = many ? value || [] : value === null || value === "" ? [] : [value];
  for (const other of present) if (!choices.includes(other)) choices.unshift(other);
  if (field.nullable) choices.push(null);
  const list = make("div", { className: "choices" });
  list.setAttribute("role", many ? "group" : "radiogroup");
  list.setAttribute("aria-label", field.name);
  for (const [number, choice] of choices.entries()) {
    const button = make("button", { type: "button", id: `choice-${index}-${number}`, textContent: choice === null ? "none" : String(choice) });
    const isChosen = choice === null ? value === null && current.values !== null : present.includes(choice);
    button.setAttribute("role", many ? "checkbox" : "radio");
    button.setAttribute("aria-checked", String(isChosen));
    button.addEventListener("click", () => choose(field, choice));
    list.append(button);
  }
  if (choices.length > LONG) {
    const search = make("input", { type: "search", placeholder: "Search the values" });
    search.setAttribute("aria-label", `Search the values of ${field.name}`);
    search.addEventListener("input", () => {
      for (const button of list.children) button.hidden = !button.dataset.text.toLowerCase().includes(search.value.toLowerCase());
      markActive();
    });
    search.addEventListener("keydown", (event) => {
      const first = [...list.children].find((button) => !button.hidden);
      if (event.key === "Enter" && first) first.click();
    });
    box.append(search);
  }
  if (choices.length > LONG && !many && present.length) box.querySelector("legend").textContent += `: ${present[0]}`;
  for (const button of list.children) button.dataset.text = button.textContent;
  box.append(list);
}

function drawInput(box, field, index) {
  const value = valueOf(field), isText = typeof value === "string" || value === null;
  const isNumber = field.kind === "number" || field.kind === "integer";
  const text = isText ? value ?? "" : JSON.stringify(value);
  const input = isNumber ? make("input", { type: "number", step: field.kind === "integer" ? "1" : "any", value: text })
    : make("textarea", { value: text, rows: isFreeText() ? 10 : Math.min(8, Math.max(1, Math.ceil(text.length / 55))) });
  input.setAttribute("aria-label", field.name);
  input.id = `field-${index}`;
  if (field.nullable) input.placeholder = "empty means none";
  input.addEventListener("input", () => { dirty.add("values"); setValue(field, read(field, input.value, isText)); });
  input.addEventListener("change", () => save());
  box.append(input);
}

function read(field, text, isText) {
  if (text === "" && (field.nullable || field.kind !== "text")) return null;
  if (field.kind === "number" || field.kind === "integer") return Number(text);
  if (field.kind === "text" && isText) return text;
  try { return JSON.parse(text); } catch { return field.kind === "list" ? text.split(",").map((part) => part.trim()) : text; }
}

function setValue(field, value) {
  current.values = { ...(current.values || {}), [field.name]: value };
}

function choose(field, choice) {
  if (field.kind === "list" && choice !== null) {
    const chosen = valueOf(field) || [];
    setValue(field, chosen.includes(choice) ? chosen.filter((other) => other !== choice) : [...chosen, choice]);
  } else setValue(field, choice);
  dirty.add("values");
  save();
}

function markActive() {
  const boxes = [...$("fields").children];
  const numbered = session.form.fields.map((field, index) => (hasChoices(field) ? index : -1)).filter((index) => index >= 0);
  const target = numbered.includes(active) ? active : numbered[0];
  boxes.forEach((box, index) => {
    box.classList.toggle("active", index === target && numbered.length > 1);
    let number = 0;
    for (const button of box.querySelectorAll(".choices button")) {
      button.querySelector("kbd")?.remove();
      if (index === target && !button.hidden && ++number <= 9) button.prepend(make("kbd", { textContent: String(number), ariaHidden: "true" }));
    }
  });
  return boxes[target];
}

// --- deciding -----------------------------------------------------------------------------------

function changes() {
  const change = {}, contents = {};
  if (dirty.has("values")) change.values = current.values;
  else if (dirty.has("answer")) change.answer = $("answer").value;
  for (const index of dirty) if (typeof index === "number") contents[index] = $(`message-${index}`).value;
  if (Object.keys(contents).length) change.contents = contents;
  return change;
}

function send(key, change) {
  return inTurn(async () => {
    const item = await call(`items/${key}`, "PUT", change);
    remember(item);
    if (current && current.key === key && dirty.size === 0) { current = item; redraw(); }
    say(change.state ? `${change.state} and saved` : "saved");
  });
}

function save() {
  if (!current || dirty.size === 0) return busy;
  const change = changes();
  dirty.clear();
  return send(current.key, change);
}

function decide(state) {
  if (!current) return busy;
  const change = { ...changes(), state }, key = current.key, isLast = position >= shown().length - 1, unsaved = [...dirty];
  dirty.clear();
  return inTurn(async () => {
    let item;
    try {
      item = await call(`items/${key}`, "PUT", change);
    } catch (fault) {
      if (current && current.key === key) {
        drawProblems(fault.message.split("; "));
        for (const part of unsaved) dirty.add(part);
      }
      throw fault;
    }
    remember(item);
    save(); // what was typed while the decision was on its way
    const staysShown = shown().some((other) => other.key === key);
    if (state === "undecided" || (staysShown && isLast)) { current = item; draw(); } else await open(position + (staysShown ? 1 : 0));
    say(`${state} and saved`);
  });
}

function move(step) {
  save();
  return inTurn(() => open(position + step));
}

function take() {
  if (!current || current.suggested === null || current.suggested === undefined) return;
  if (typeof current.suggested === "object") current.values = { ...(current.values || {}), ...current.suggested };
  else {
    const field = session.form.fields.find((one) => one.values.includes(current.suggested)) || session.form.fields[0];
    setValue(field, current.suggested);
  }
  dirty.add("values");
  save();
}

function toggleEdit() {
  if (editing) save();
  inTurn(async () => {
    if (!current) return;
    editing = !editing;
    draw();
    const first = editing ? document.querySelector("#messages .user textarea") || document.querySelector("#messages textarea") : null;
    first ? first.focus() : $("main").focus({ preventScroll: true });
  });
}

async function finish() {
  const written = await call("finish", "POST", { with_undecided: $("with-undecided").checked });
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  current = null;
  items = [];
  draw();
  $("nothing").textContent = `${written.written} examples are written to ${written.out}. You may close this page.`;
  for (const button of document.querySelectorAll("header button, header select")) button.disabled = true;
  document.body.dataset.finished = "true";
}

// --- keys and buttons ---------------------------------------------------------------------------

const KEYS = {
  j: () => move(1), k: () => move(-1), ArrowRight: () => move(1), ArrowLeft: () => move(-1),
  a: () => decide("accepted"), r: () => decide("rejected"), u: () => decide("undecided"),
  e: toggleEdit, s: save, t: take, n: () => show("writing", "input"), "?": () => show("keys"),
  z: () => current && send(current.key, { revert: true }),
  f: () => { active = nextActive(); markActive()?.scrollIntoView({ block: "nearest" }); },
  "/": () => markActive()?.querySelector("input[type=search]")?.focus(),
};

function press(number) {
  const buttons = [...(markActive()?.querySelectorAll(".choices button") || [])].filter((button) => !button.hidden);
  buttons[number - 1]?.click();
}

function nextActive() {
  const numbered = session.form.fields.map((field, index) => (hasChoices(field) ? index : -1)).filter((index) => index >= 0);
  return numbered.length ? numbered[(Math.max(numbered.indexOf(active), 0) + 1) % numbered.length] : 0;
}

function show(dialog, focus) {
  $(dialog).showModal();
  if (focus) $(focus).focus();
}

document.addEventListener("keydown", (event) => {
  const isWriting = event.target.matches("textarea, select, input:not([type=radio])");
  if (document.querySelector("dialog[open]") || document.body.dataset.finished) return;
  if (isWriting && event.key === "Escape") { event.target.blur(); $("main").focus(); return; }
  if (isWriting && event.key === "Enter" && (event.ctrlKey || event.metaKey)) { save(); return; }
  if (isWriting || event.ctrlKey || event.metaKey || event.altKey) return;
  const action = /^[1-9]$/.test(event.key) ? () => press(Number(event.key)) : KEYS[event.key];
  if (!action) return;
  event.preventDefault();
  // A key waits until what the keys before it began is done: it is meant for the example that is shown then.
  keys = keys.then(() => busy).then(action).then(() => busy);
});

for (const [id, work] of Object.entries({
  previous: () => move(-1), next: () => move(1), accept: () => decide("accepted"), reject: () => decide("rejected"),
  undo: () => decide("undecided"), edit: toggleEdit, save, take, new: KEYS.n, help: KEYS["?"],
  write: () => inTurn(finish),
  finish: () => {
    save();
    inTurn(() => {
      const count = (state) => items.filter((item) => item.state === state).length;
      $("count-accepted").textContent = count("accepted");
      $("count-both").textContent = count("accepted") + count("undecided");
      $(session.has_answers ? "with-undecided" : "only-accepted").checked = true;
      show("finishing");
    });
  },
  add: () => {
    const text = $("input").value;
    if (!text.trim()) return;
    $("input").value = "";
    $("writing").close();
    inTurn(async () => {
      const item = await call("items", "POST", { text });
      remember(item);
      $("filter").value = "all";
      await open(items.length - 1);
      say("added and saved");
    });
  },
})) $(id).addEventListener("click", work);
for (const button of document.querySelectorAll("[data-close]")) button.addEventListener("click", () => button.closest("dialog").close());
$("filter").addEventListener("change", () => { save(); inTurn(() => open(0)); $("main").focus({ preventScroll: true }); });
$("answer").addEventListener("input", () => { dirty.delete("values"); dirty.add("answer"); });
$("answer").addEventListener("change", () => save());
window.addEventListener("beforeunload", (event) => { if (dirty.size) event.preventDefault(); });

inTurn(async () => {
  session = await call("session");
  items = session.items;
  document.title = session.source ? `Label ${session.source}` : "Label";
  $("title").textContent = document.title;
  $("out").textContent = session.out;
  $("suspects").hidden = !session.is_review;
  if (session.is_review) $("filter").value = "suspects";
  const undecided = shown().findIndex((item) => item.state === "undecided");
  await open(Math.max(undecided, 0));
  document.body.dataset.ready = "true";
});
