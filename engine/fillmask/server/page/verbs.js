"use strict";
// The tabs: for each verb its path, its example, its options, and how its result is shown.
// A result is shown as groups of rows; a row has a text, a share for its bar, and what a click puts into the input.

const $ = (id) => document.getElementById(id);
const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};
const list = (text) => text.split(",").map((word) => word.trim()).filter(Boolean);
const percent = (score) => `${score >= 0.001 ? (score * 100).toFixed(1) : Number((score * 100).toPrecision(1))} %`;
// Positions of the server count code points, those of JavaScript UTF-16 units.
const splice = (text, start, end, inserted) => {
  const points = Array.from(text);
  return points.slice(0, start).join("") + inserted + points.slice(end).join("");
};
const number = (id, label, value, most) => ({ id, label, kind: "number", value, min: 1, max: most });
const choice = (id, label, ...values) => ({ id, label, kind: "select", value: values[0][0], values });
const LONG = choice("truncation", "Long texts", ["", "refuse"], ["window", "window"]);

const VERBS = {
  fill: {
    title: "Fill", path: "", masked: true, about: "The most likely tokens at each mask.",
    examples: ["Paris is the [MASK] of France.", "She drank a cup of [MASK].", "He [MASK] the door and left the [MASK]."],
    options: [
      { id: "targets", label: "Targets", kind: "list", placeholder: "any token, or a list: city, capital" },
      number("top_k", "Top k", 5, 100),
      choice("truncation", "Long texts", ["", "refuse"], ["window", "window"], ["right", "cut the end"]),
    ],
    groups(result, text) {
      const masks = Array.isArray(result[0]) ? result : [result];
      return masks.map((rows, mask) => ({
        title: masks.length > 1 ? `Mask ${mask + 1}` : "Predictions",
        rows: rows.map((row) => ({
          text: row.token_str.trim() || "␣", share: row.score, shown: percent(row.score), put: () => fillMask(text, row.token_str, mask), mask,
        })),
      }));
    },
  },
  rank: {
    title: "Rank", path: "rank", masked: true, about: "Words and phrases of any length, ordered by how well they fill the mask.",
    examples: ["Paris is the [MASK] of France.", "The cat sat on the [MASK]."],
    options: [
      { id: "candidates", label: "Candidates", kind: "list", value: "capital, largest city, king, heart" },
      choice("method", "Method", ["l2r", "left to right"], ["parallel", "parallel"]),
      choice("normalize", "Compare", ["", "sums"], ["pieces", "means over pieces"], ["characters", "means over characters"]),
      LONG,
    ],
    groups: (result, text) => result.map((rows, mask) => ({
      title: result.length > 1 ? `Mask ${mask + 1}` : "Candidates",
      rows: rows.map((row) => ({
        text: row.text, share: row.score, shown: `${percent(row.score)} · ${row.log_prob === null ? "−∞" : row.log_prob.toFixed(2).replace("-", "−")} nats`, mask,
        put: () => splice(text, row.start, row.end, row.text),
      })),
    })),
  },
  infill: {
    title: "Infill", path: "infill", masked: true, about: "All masks together, with words of one or several tokens that fit each other.",
    examples: ["The [MASK] is the capital of [MASK].", "She works as a [MASK] in a [MASK]."],
    options: [
      choice("order", "Order", ["left", "from the left"], ["confident", "surest first"], ["independent", "each by itself"]),
      choice("pieces", "Tokens a word", ["1", "1"], ["1-2", "1 to 2"], ["1-3", "1 to 3"], ["2", "2"], ["3", "3"]),
      number("top_k", "Top k", 5, 100), number("width", "Beam width", 8, 64), LONG,
    ],
    groups: (result, text) => [{
      title: "Filled texts",
      rows: result.map((each) => ({
        parts: filledParts(text, each.fills), text: each.filled, share: each.score, shown: percent(each.score), put: () => each.filled,
      })),
    }],
  },
  score: {
    title: "Score", path: "score", masked: false, about: "How surprising each word of a text is: the stronger its color, the less likely.",
    examples: ["The keys to the cabinet are on the table.", "The keys to the cabinet is on the table.", "Colorless green ideas sleep furiously."],
    options: [
      choice("parts", "Show", ["words", "words"], ["tokens", "tokens"]),
      choice("method", "Mask", ["word_l2r", "rest of the word"], ["original", "each token"], ["whole_word", "whole word"]),
      choice("words", "Words", ["pretokenizer", "of the tokenizer"], ["spaces", "between spaces"]),
      LONG,
    ],
    sentence: (result, text, options) => colored(text, result[options.parts || "words"]),
    summary: (result) => `log probability ${result.log_prob === null ? "−∞" : result.log_prob.toFixed(2).replace("-", "−")} nats · perplexity ${result.perplexity === null ? "∞" : Number(result.perplexity.toPrecision(4))}`,
    groups: () => [],
  },
  classify: {
    title: "Classify", path: "classify", masked: false, about: "Labels, by the words that fill a template. Scores are not calibrated.",
    examples: ["The striker scored twice.", "The bank raised its interest rates."],
    options: [
      { id: "labels", label: "Labels", kind: "list", value: "sports, business, politics, music" },
      { id: "template", label: "Template", kind: "text", value: "{text} It is about {mask}." },
    ],
    groups: (result) => [{
      title: "Labels",
      rows: result.map((each) => ({ text: each.label, share: each.score, shown: percent(each.score) })),
    }],
  },
};

function filledParts(text, fills) {
  const points = Array.from(text), parts = [];
  let end = 0;
  for (const fill of fills) {
    parts.push(beside(points.slice(end, fill.start).join(""), end > 0, true), element("em", { textContent: fill.text.trim() || "␣" }));
    end = fill.end;
  }
  return [...parts, beside(points.slice(end).join(""), true, false)];
}

function colored(text, parts) {
  const points = Array.from(text), shown = [];
  let end = 0;
  for (const part of parts) {
    if (part.start < end) continue; // tokens that are parts of one character
    const nats = part.log_prob === null ? Infinity : -part.log_prob, words = `${part.text}: ${nats.toFixed(2)} nats${part.unknown ? ", not in the vocabulary" : ""}`;
    const span = element("span", { className: "scored", textContent: part.text, tabIndex: 0, title: words, ariaLabel: words });
    span.setAttribute("role", "img");
    span.style.setProperty("--heat", `${Math.min(100, (nats / 12) * 100).toFixed(0)}%`);
    shown.push(points.slice(end, part.start).join(""), span);
    end = part.end;
  }
  return [...shown, points.slice(end).join(""), element("div", { className: "scale" }, "expected", element("i"), "12 nats or more")];
}
