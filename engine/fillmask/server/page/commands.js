"use strict";
// The request of the page, written for a terminal and in two languages.

const shell = (text) => `'${String(text).replace(/'/g, "'\\''")}'`;
const python = (value) => {
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (value && typeof value === "object") return `{${Object.entries(value).map(([name, each]) => `${python(name)}: ${python(each)}`).join(", ")}}`;
  return { true: "True", false: "False", null: "None" }[String(value)] && typeof value !== "string" ? { true: "True", false: "False", null: "None" }[String(value)] : JSON.stringify(value);
};
const METHODS = { fill: "predict", rank: "rank", infill: "infill", score: "score", classify: "classify" };
// Parameters that are an argument without a name in Python, and those that the command line names otherwise.
const POSITIONAL = { rank: "candidates", classify: "labels" };

const COMMANDS = {
  curl: (verb, url, body, key) =>
    `curl ${url}${key ? ' \\\n  -H "Authorization: Bearer $FILLMASK_API_KEY"' : ""} \\\n  --json ${shell(JSON.stringify(body))}`,

  Python(verb, url, body, key, model) {
    const { ...parameters } = body.parameters || {}, first = POSITIONAL[verb], given = [body.inputs];
    if (first) { given.push(parameters[first]); delete parameters[first]; }
    if (Array.isArray(parameters.pieces)) parameters.pieces = { tuple: parameters.pieces };
    const named = Object.entries(parameters).map(([name, value]) => `${name}=${value && value.tuple ? `(${value.tuple.join(", ")})` : python(value)}`);
    return `from fillmask import FillMask\n\nfill_mask = FillMask(${model ? python(model) : ""})\nprint(fill_mask.${METHODS[verb]}(${[...given.map(python), ...named].join(", ")}))`;
  },

  JavaScript(verb, url, body, key) {
    const headers = { "Content-Type": "application/json" };
    if (key) headers.Authorization = "Bearer …";
    return `const response = await fetch(${JSON.stringify(url)}, {\n  method: "POST",\n  headers: ${JSON.stringify(headers)},\n  body: JSON.stringify(${JSON.stringify(body)}),\n});\nconsole.log(await response.json());`;
  },

  CLI(verb, url, body, key, model) {
    const flags = Object.entries(body.parameters || {}).map(([name, value]) => flag(verb, name, value));
    return ["fillmask", METHODS[verb], ...(model ? ["-m", shell(model)] : []), ...flags, shell(body.inputs)].join(" ");
  },
};

function flag(verb, name, value) {
  if (name === "pieces" && Array.isArray(value)) return `--pieces ${value.join("-")}`;
  return `--${name.replace(/_/g, "-")} ${shell(Array.isArray(value) ? value.join(",") : value)}`;
}
