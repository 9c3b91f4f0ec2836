"use strict";
// The state of the page, the request, and the controls.

let mask = "[MASK]", key = false, models = [], verb = "fill", language = "curl", timer, request;
let shown = { text: "", groups: [] };
const state = {}; // by verb: its text and its options

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
// Placeholders count in a text without the model's own mask.
const masksOf = (text) => (text.includes(mask) ? [mask] : ["[MASK]", "<mask>", "{mask}"]);
// What people write for a mask, and what no model reads as one.
const ALIKE = /\[\s*mask\s*\]|<\s*mask\s*>|\{\s*mask\s*\}|_{2,}/gi;
const SHOWN = 80; // characters of a long text beside each mask
const anyMask = (text) => new RegExp(masksOf(text).map(escaped).join("|"), "g");
const modelName = () => (models.length > 1 && $("which").selectedIndex > 0 ? $("which").value : "");

function requestBody() {
  const parameters = {};
  for (const option of VERBS[verb].options) {
    const value = state[verb].options[option.id];
    if (option.kind === "list") { if (list(value).length) parameters[option.id] = list(value); }
    else if (option.kind === "number") { const count = parseInt(value, 10); if (count !== option.value && !Number.isNaN(count)) parameters[option.id] = count; }
    else if (value !== (option.kind === "select" ? option.value : "") && option.id !== "parts") parameters[option.id] = value;
  }
  if (parameters.pieces) { const [least, most] = parameters.pieces.split("-").map(Number); parameters.pieces = most ? [least, most] : least; }
  const body = { inputs: $("text").value };
  return Object.keys(parameters).length ? { ...body, parameters } : body;
}

function address() {
  const model = modelName(), path = VERBS[verb].path;
  return new URL(model ? `models/${model}${path && `/${path}`}` : path || "predict", new URL(".", location.href)).href;
}

function showCommand() {
  $("command").firstChild.textContent = COMMANDS[language](verb, address(), requestBody(), key, modelName());
}

function setStatus(text, bad = false, offer = null) {
  $("status").replaceChildren(text, ...(offer ? [" ", offer] : []));
  $("status").className = bad ? "bad" : "";
}

const offered = (label, act) => element("button", { className: "plain", type: "button", textContent: label, onclick: act });

// What the page can do about a request that would fail or has failed.
function remedy(error = "") {
  const text = $("text").value, alike = text.match(ALIKE), long = $("truncation");
  if (VERBS[verb].masked && alike && !anyMask(text).test(text)) return offered(`Use ${alike[0]} as a mask`, () => write(text.replace(ALIKE, mask)));
  if (!/truncation/.test(error) || !long || long.value) return null;
  return offered("Read a window of the text", () => { long.value = state[verb].options.truncation = "window"; run(); $("text").focus(); });
}

function missing(body) {
  if (!body.inputs.trim()) return VERBS[verb].masked ? "Type a sentence with a mask." : "Type a text.";
  if (VERBS[verb].masked && !body.inputs.match(anyMask(body.inputs))) return "No mask is left. Insert a mask with Ctrl+M.";
  const needed = VERBS[verb].options.find((option) => option.value && option.kind === "list" && !body.parameters?.[option.id]);
  return needed ? `${needed.label} are missing.` : "";
}

async function run() {
  clearTimeout(timer);
  showCommand();
  if (request) request.abort();
  request = new AbortController();
  const own = request, body = requestBody(), options = { ...state[verb].options }, start = performance.now();
  if (missing(body)) { show(null, body.inputs, options); return setStatus(missing(body), false, remedy()); }
  try {
    const response = await fetch(address(), {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal: own.signal,
    });
    const result = await response.json();
    if (own !== request) return;
    $("raw").textContent = JSON.stringify(result, null, 1);
    if (!response.ok) { show(null, body.inputs, options); return setStatus(result.error, true, remedy(result.error)); }
    show(result, body.inputs, options);
    report(response.headers, performance.now() - start, result);
  } catch (error) {
    if (error.name !== "AbortError") { show(null, body.inputs, options); setStatus(`The server does not respond: ${error.message}`, true); }
  }
}

function report(headers, took, result) {
  const summary = VERBS[verb].summary ? [VERBS[verb].summary(result)] : [];
  const times = [`${took.toFixed(took < 10 ? 1 : 0)} ms in total`, `${Number(headers.get("x-inference-time")).toFixed(1)} ms in the model`, `${headers.get("x-compute-tokens")} tokens`];
  setStatus([...summary, ...times, ...JSON.parse(headers.get("x-warnings") || "[]")].join(" · "));
}

function show(result, text, options) {
  shown = { verb, text, groups: result === null ? [] : VERBS[verb].groups(result, text), result, options };
  preview();
  // Bars of several masks are beside each other: the longest is full.
  const shares = shown.groups.flatMap((group) => group.rows.map((row) => row.share)), largest = shown.groups.length > 1 ? Math.max(...shares) : 1;
  $("results").className = verb === "infill" ? "wide" : "";
  $("results").replaceChildren(...shown.groups.map((group) => element("div", { className: "card" },
    element("h2", { textContent: group.title }), element("ol", {}, ...group.rows.map((row) => element("li", {}, button(row, largest)))))));
}

function button(row, largest) {
  const bar = element("i", { ariaHidden: "true" });
  bar.style.width = `${(row.share / largest) * 100 || 0}%`;
  const made = element("button", { className: row.parts ? "word text" : "word", type: "button" }, bar,
    element("b", {}, ...(row.parts || [row.text])), element("span", { textContent: row.shown }));
  if (row.put) made.title = "Fill in";
  if (row.put) made.onclick = () => { write(row.put()); $("text").focus(); };
  if (row.mask === undefined) return made;
  made.onmouseenter = made.onfocus = () => preview(row.mask, row);
  made.onmouseleave = made.onblur = () => preview();
  return made;
}

// The text with the best row of each group at its mask, or another row at one of them.
function preview(chosen = -1, row = null) {
  const { text, groups, result, options } = shown, definition = VERBS[shown.verb];
  if (definition.sentence && result) return $("sentence").replaceChildren(...definition.sentence(result, text, options));
  if (!definition.masked || shown.verb === "infill" || !result) return $("sentence").replaceChildren();
  const parts = text.split(anyMask(text));
  $("sentence").replaceChildren(...parts.flatMap((part, index) => {
    const near = beside(part, index > 0, index < parts.length - 1);
    if (!index) return [near];
    const best = index - 1 === chosen ? row : groups[index - 1]?.rows[0];
    const slot = element("span", { className: "slot", textContent: best ? best.text : "?" });
    if (parts.length > 2) slot.append(element("sup", { textContent: index }));
    return [slot, near];
  }));
}

// A part of a text between masks; of a long one what stands beside a mask.
function beside(part, before, after) {
  const points = Array.from(part), start = before ? points.slice(0, SHOWN) : [], end = after ? points.slice(-SHOWN) : [];
  return points.length > start.length + end.length + 1 ? `${start.join("")}…${end.join("")}` : part;
}

function fillMask(text, token, at) {
  let seen = -1;
  const pattern = new RegExp((token.startsWith("##") ? "\\s*" : "") + `(?:${anyMask(text).source})`, "g");
  return text.replace(pattern, (found) => (++seen === at ? token.replace(/^##/, "").trim() : found));
}

function write(text) {
  $("text").focus();
  $("text").select();
  type(text);
}

// As if typed, so that the browser's own undo knows it.
function type(text) {
  const box = $("text");
  if (!document.execCommand("insertText", false, text)) box.setRangeText(text, box.selectionStart, box.selectionEnd, "end");
  $("undo").disabled = false;
  changed();
  run();
}

function insert() {
  const box = $("text"), at = box.selectionStart, before = box.value.slice(0, at), after = box.value.slice(box.selectionEnd);
  const gap = before && !/\s$/.test(before) ? " " : "";
  box.focus();
  type(gap + mask + (/^\w/.test(after) ? " " : ""));
}

function changed() {
  const text = $("text").value;
  state[verb].text = text;
  const parts = VERBS[verb].masked ? text.split(anyMask(text)) : [text], found = text.match(anyMask(text)) || [];
  $("marks").replaceChildren(...parts.flatMap((part, index) => (index ? [element("mark", { textContent: found[index - 1] }), part] : [part])), "\n");
  $("marks").scrollTop = $("text").scrollTop;
  showCommand();
}

function soon() { changed(); clearTimeout(timer); timer = setTimeout(run, 200); }

function control(option) {
  const value = state[verb].options[option.id];
  const input = option.kind === "select" ? element("select", { id: option.id }, ...option.values.map(([each, label]) => element("option", { value: each, textContent: label })))
    : element("input", { id: option.id, type: option.kind === "number" ? "number" : "text", autocomplete: "off" });
  if (option.kind === "number") Object.assign(input, { min: option.min, max: option.max });
  if (option.placeholder) input.placeholder = option.placeholder;
  input.value = value;
  input.oninput = () => { state[verb].options[option.id] = input.value; soon(); };
  return element("div", { className: ["list", "text"].includes(option.kind) ? "long" : "" }, element("label", { htmlFor: option.id, textContent: option.label }), input);
}

function chooseVerb(name) {
  verb = name;
  const definition = VERBS[verb];
  for (const tab of $("verbs").children) select(tab, tab.id === `tab_${verb}`);
  $("about").textContent = definition.about;
  $("text_label").textContent = definition.masked ? "Text with a mask" : "Text";
  $("insert").hidden = !definition.masked;
  $("text").value = state[verb].text;
  $("undo").disabled = true;
  const examples = definition.examples.slice(1);
  $("examples").replaceChildren(...examples.map((text) => element("button", { className: "plain", type: "button", textContent: text.replaceAll("[MASK]", "___"), onclick: () => write(text.replaceAll("[MASK]", mask)) })));
  $("options").replaceChildren(...($("models") ? [$("models")] : []), ...definition.options.map(control));
  changed();
  run();
}

function select(tab, chosen) { tab.setAttribute("aria-selected", chosen); tab.tabIndex = chosen ? 0 : -1; }

function tabs(holder, names, prefix, choose) {
  holder.append(...names.map(([name, title]) => {
    const tab = element("button", { type: "button", id: prefix + name, textContent: title, onclick: () => choose(name) });
    tab.setAttribute("role", "tab");
    return tab;
  }));
  holder.onkeydown = (event) => {
    const all = [...holder.children], step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = all[(all.indexOf(document.activeElement) + step + all.length) % all.length];
    next.focus(); next.click();
  };
}

function chooseLanguage(name) {
  language = name;
  for (const tab of $("languages").children) select(tab, tab.id === `as_${name}`);
  showCommand();
}

function move(event) {
  const words = [...document.querySelectorAll(".word")], at = words.indexOf(document.activeElement);
  if (event.ctrlKey && event.key.toLowerCase() === "m" && VERBS[verb].masked) { event.preventDefault(); return insert(); }
  if (event.target === $("text")) {
    if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); return run(); }
    const end = $("text").selectionStart === $("text").value.length || !$("text").value.slice($("text").selectionStart).includes("\n");
    if (event.key === "ArrowDown" && end && words.length) { event.preventDefault(); words[0].focus(); }
  } else if (at >= 0) {
    if (event.key === "ArrowDown") { event.preventDefault(); (words[at + 1] || words[0]).focus(); }
    if (event.key === "ArrowUp") { event.preventDefault(); (words[at - 1] || $("text")).focus(); }
    if (event.key === "Escape") $("text").focus();
  }
}

async function copy(control, text) {
  const label = control.textContent;
  await navigator.clipboard.writeText(text);
  control.textContent = "Copied";
  setTimeout(() => (control.textContent = label), 1500);
}

function link() {
  const kept = { verb, text: $("text").value, options: state[verb].options };
  return `${location.href.split("#")[0]}#${encodeURIComponent(JSON.stringify(kept))}`;
}

// What a link keeps; a part of it that is not known is left out.
function readLink() {
  try {
    const kept = JSON.parse(decodeURIComponent(location.hash.slice(1)));
    if (!Object.hasOwn(VERBS, kept.verb)) return;
    verb = kept.verb;
    if (typeof kept.text === "string") state[verb].text = kept.text;
    for (const { id } of VERBS[verb].options) if (typeof kept.options?.[id] === "string") state[verb].options[id] = kept.options[id];
  } catch { /* no link of this page */ }
}

async function describe() {
  const [info, found] = await Promise.all(["info", "models"].map(async (path) => (await fetch(path)).json()));
  models = found;
  key = info.requires_key;
  for (const each of [VERBS.fill, VERBS.infill]) each.options.find((option) => option.id === "top_k").max = info.max_top_k;
  if (models.length > 1) {
    const which = element("select", { id: "which", onchange: chooseModel }, ...models.map((model) => element("option", { textContent: model.model_id })));
    $("options").prepend(element("div", { id: "models" }, element("label", { htmlFor: "which", textContent: "Model" }), which));
  }
  chooseModel(null);
}

function chooseModel(event) {
  const model = models[Math.max(0, models.length > 1 ? $("which").selectedIndex : 0)];
  mask = model.mask_token;
  $("model").textContent = `${model.model_id} · ${model.model_dtype} · ${model.vocab_size.toLocaleString("en")} tokens in the vocabulary`;
  changed();
  if (event) run();
}

function start() {
  for (const [name, { examples, options }] of Object.entries(VERBS)) {
    state[name] = { text: examples[0], options: Object.fromEntries(options.map((option) => [option.id, String(option.value ?? "")])) };
  }
  readLink();
  tabs($("verbs"), Object.entries(VERBS).map(([name, { title }]) => [name, title]), "tab_", chooseVerb);
  tabs($("languages"), Object.keys(COMMANDS).map((name) => [name, name]), "as_", chooseLanguage);
  $("insert").onclick = insert;
  $("undo").onclick = () => { $("text").focus(); document.execCommand("undo"); changed(); run(); };
  $("copy").onclick = () => copy($("copy"), $("command").firstChild.textContent);
  $("link").onclick = () => copy($("link"), link());
  $("text").oninput = soon;
  $("text").onscroll = () => ($("marks").scrollTop = $("text").scrollTop);
  document.addEventListener("keydown", move);
  chooseLanguage("curl");
  chooseVerb(verb);
  return describe();
}

start();
