"""The page at `/`, in a real browser: Debian's chromium, or what CHROMIUM names. Skipped where there is none."""

import json
import os
import shutil
import subprocess
import sys
from urllib.parse import quote

import pytest

from fillmask.artifact.folder import EMBEDDED
from tests.support import serving
from tests.support.serving import KEY

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt-get install chromium")


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def context(browser):
    made = browser.new_context()
    yield made
    made.close()


@pytest.fixture
def page(context, server):
    """The page, loaded; it may request nothing from other hosts, and write nothing to the console."""
    opened, messages = context.new_page(), []
    opened.on("console", lambda message: messages.append(message.text))
    opened.on("pageerror", lambda error: messages.append(str(error)))
    opened.on("request", lambda request: request.url.startswith((server.url, "data:")) or messages.append(request.url))
    opened.goto(server.url)
    opened.wait_for_selector(".word")
    yield opened
    assert messages == []


def words(page, mask=0):
    return page.locator("#results .card").nth(mask).locator(".word b").all_inner_texts()


def write(page, text):
    with page.expect_response(lambda response: response.request.method == "POST"):
        page.fill("#text", text)
    page.wait_for_function("text => shown.text === text", arg=text)


def test_it_predicts_at_once_and_while_typing(page, alone):
    assert words(page) == [row["token_str"] for row in alone("Paris is the [MASK] of France.")]
    text = "She drank a cup of [MASK]."
    write(page, text)
    assert words(page) == [row["token_str"] for row in alone(text)]
    assert "ms in the model" in page.inner_text("#status").replace("of it ", "")
    assert "9 tokens" in page.inner_text("#status")


def test_a_click_fills_the_word_in_and_undo_takes_it_back(page, alone):
    text = "He [MASK] the door and left the [MASK]."
    write(page, text)
    assert page.locator("#results .card").count() == 2
    second = words(page, 1)[1]
    page.locator("#results .card").nth(1).locator(".word").nth(1).click()
    filled = f"He [MASK] the door and left the {second}."
    assert page.input_value("#text") == filled
    page.wait_for_function("text => shown.text === text", arg=filled)
    assert words(page) == [row["token_str"] for row in alone(filled)]
    page.click("#undo")
    assert page.input_value("#text") == text
    page.keyboard.press("Control+Shift+z")
    page.keyboard.press("Control+z")
    assert page.input_value("#text") == text


def test_it_is_used_with_the_keyboard_alone(page):
    page.focus("#text")
    page.keyboard.press("End")
    page.keyboard.press("Control+m")
    assert page.input_value("#text") == "Paris is the [MASK] of France. [MASK]"
    page.wait_for_function("() => document.querySelectorAll('#results .card').length === 2")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    chosen = page.evaluate("document.activeElement.querySelector('b').textContent")
    assert chosen == words(page)[1]
    page.keyboard.press("Enter")
    assert page.input_value("#text") == f"Paris is the {chosen} of France. [MASK]"
    assert page.evaluate("document.activeElement.id") == "text"


LONG = "They talked about the weather. " * 115 + "She drank a cup of [MASK]."


@pytest.mark.slow
def test_a_long_text_gets_a_window_and_its_results_stand_on_the_screen(context, server):
    page = context.new_page()  # a text that is refused writes to the console
    page.goto(server.url)
    write(page, LONG)
    assert "tokens and the model takes at most" in page.inner_text("#status")
    page.click("#status button")
    page.wait_for_selector(".word")
    assert page.input_value("#truncation") == "window"
    assert page.inner_text("#sentence").startswith("…")
    assert "She drank a cup of" in page.inner_text("#sentence")
    size = page.viewport_size["height"]
    assert page.evaluate("document.documentElement.scrollHeight") < 3 * size
    assert page.locator("#results").bounding_box()["y"] < size


@pytest.mark.slow
@pytest.mark.parametrize("mask", ["___", "[mask]", "<MASK>", "{ mask }"])
def test_what_people_write_for_a_mask_is_offered_as_one(page, mask):
    page.fill("#text", f"She drank a cup of {mask}.")
    page.click("#status button")
    page.wait_for_function("() => shown.text === 'She drank a cup of [MASK].' && shown.result")
    assert words(page)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/docs"])
def test_axe_finds_nothing(browser, server, scheme, path):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto(server.url + path)
    page.wait_for_selector(".word, #routes details")
    page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    context.close()


@pytest.mark.slow
def test_a_piece_of_a_word_is_joined_to_what_stands_before_it(page):
    assert page.evaluate("fillMask('a play [MASK] b', '##ing', 0)") == "a playing b"


@pytest.mark.slow
def test_targets_and_their_number_are_sent(page, alone):
    page.fill("#top_k", "2")
    page.fill("#targets", "town, city,capital")
    page.wait_for_function("() => document.querySelectorAll('.word').length === 2")
    expected = alone("Paris is the [MASK] of France.", targets=["town", "city", "capital"], top_k=2)
    assert words(page) == [row["token_str"] for row in expected]


@pytest.mark.slow
def test_the_command_gives_what_is_on_the_screen(page, server):
    write(page, 'It\'s the [MASK] of "France" $HOME `x`.')
    page.fill("#top_k", "3")
    page.wait_for_function("() => document.querySelectorAll('.word').length === 3")
    command = page.inner_text("#command pre").replace("curl ", "curl --silent ", 1)
    answer = json.loads(subprocess.run(["bash", "-c", command], capture_output=True, check=True, timeout=30).stdout)
    assert [row["token_str"] for row in answer] == words(page)


@pytest.mark.slow
@pytest.mark.parametrize(("text", "message"), [("no mask here", "No mask is left"), ("", "Type a sentence")])
def test_the_status_names_what_is_missing(page, text, message):
    page.fill("#text", text)
    page.wait_for_function("message => document.getElementById('status').textContent.includes(message)", arg=message)


@pytest.mark.slow
def test_what_a_text_holds_is_text(page):
    write(page, "<img src=x onerror=alert(1)><b>[MASK]</b>")
    assert page.locator("#sentence img, #sentence b").count() == 0
    assert "<img src=x" in page.inner_text("#sentence")


@pytest.mark.slow
def test_another_model_is_chosen(page, server):
    page.select_option("#which", "bytelevel")
    page.wait_for_function("() => document.getElementById('model').textContent.startsWith('bytelevel')")
    page.wait_for_function("() => document.querySelectorAll('.word').length === 5 && !request.signal.aborted")
    assert f"{server.url}/models/bytelevel" in page.inner_text("#command pre")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1200])
def test_it_fits_and_can_be_read(browser, server, scheme, width):
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    page.goto(server.url)
    page.wait_for_selector(".word")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for selector in ("#text", "#status", ".word b", ".word span", "label", "footer", "pre", ".slot", "a", "[role=tab]"):
        assert page.evaluate(CONTRAST, selector) >= 4.5, selector
    for verb in ("rank", "infill", "score", "classify"):
        choose(page, verb)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, verb
    context.close()


CONTRAST = """selector => {
  const light = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).slice(0, 3).map((each) => each / 255);
    const [x, y, z] = [r, g, b].map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  let element = document.querySelector(selector), color = getComputedStyle(element).color, ground;
  do { ground = getComputedStyle(element).backgroundColor; element = element.parentElement; }
  while (element && /, 0\\)$|transparent/.test(ground));
  const [high, low] = [light(color), light(ground)].sort((one, other) => other - one);
  return (high + 0.05) / (low + 0.05);
}"""


def choose(page, verb):
    with page.expect_response(lambda response: response.request.method == "POST"):
        page.click(f"#tab_{verb}")
    page.wait_for_function("verb => shown.verb === verb && shown.result", arg=verb)


def test_candidates_are_ranked_and_a_click_fills_one_in(page, alone):
    choose(page, "rank")
    (expected,) = alone.rank("Paris is the [MASK] of France.", ["capital", "largest city", "king", "heart"])
    assert words(page) == [each.text for each in expected]
    page.locator(".word", has_text="largest city").click()
    assert page.input_value("#text") == "Paris is the largest city of France."


def test_masks_are_filled_together(page, alone):
    choose(page, "infill")
    expected = [each.filled for each in alone.infill("The [MASK] is the capital of [MASK].")]
    assert words(page) == expected
    page.locator(".word").first.click()
    assert page.input_value("#text") == expected[0]


@pytest.mark.slow
def test_the_words_of_a_text_are_colored_by_their_surprisal(page, alone):
    choose(page, "score")
    expected = alone.score("The keys to the cabinet are on the table.")
    assert page.locator(".scored").all_inner_texts() == [word.text for word in expected.words]
    heat = [float(each.rstrip("%")) for each in page.locator(".scored").evaluate_all(
        "all => all.map(each => each.style.getPropertyValue('--heat'))")]  # fmt: skip
    assert heat.index(max(heat)) == min(range(len(heat)), key=lambda index: expected.words[index].log_prob)
    assert f"perplexity {expected.perplexity:.4g}" in page.inner_text("#status")
    assert page.inner_text("#sentence").startswith("The keys to the cabinet are on the table.")


@pytest.mark.slow
def test_positions_count_code_points(page):
    choose(page, "score")
    write(page, "👩‍👧 likes 𝒜 cats.")
    assert "cats" in page.locator(".scored").all_inner_texts()


@pytest.mark.slow
def test_texts_are_classified(page, alone):
    choose(page, "classify")
    labels = ["sports", "business", "politics", "music"]
    expected = alone.classify("The striker scored twice.", labels, template="{text} It is about {mask}.")
    assert words(page) == [each.label for each in expected]


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["fill", "rank", "infill", "score", "classify"])
def test_the_commands_give_what_is_on_the_screen(page, verb):
    if verb != "fill":
        choose(page, verb)
    else:
        with page.expect_response(lambda response: response.request.method == "POST"):
            page.fill("#targets", "town, heart")
        page.wait_for_function("() => document.querySelectorAll('.word').length === 2")
    page.click("#as_Python")
    printed = subprocess.run([sys.executable, "-c", page.inner_text("#command pre")], capture_output=True, check=True)
    assert printed.stdout
    page.click("#as_CLI")
    command = page.inner_text("#command pre").replace("fillmask", f"{sys.executable} -m fillmask", 1)
    shown = subprocess.run(["bash", "-c", command], capture_output=True, check=True, text=True).stdout
    for text in words(page)[: 2 if verb == "fill" else 1] if verb != "score" else ["The keys"]:
        assert text in shown


@pytest.mark.slow
def test_a_link_keeps_the_tab_the_text_and_the_options(page, server):
    choose(page, "infill")
    page.select_option("#order", "confident")
    write(page, "He [MASK] the [MASK].")
    page.goto("about:blank")
    page.goto(f"{server.url}/#" + quote(json.dumps(
        {"verb": "infill", "text": "He [MASK] the [MASK].", "options": {"order": "confident"}})))  # fmt: skip
    page.wait_for_function("() => shown.verb === 'infill' && shown.result")
    assert page.input_value("#text") == "He [MASK] the [MASK]."
    assert page.input_value("#order") == "confident"
    assert json.loads(page.evaluate("decodeURIComponent(link().split('#')[1])"))["options"]["order"] == "confident"


@pytest.mark.slow
@pytest.mark.parametrize(
    "link", ["%", "nonsense", '{"verb": "constructor"}', '{"verb": "fill", "text": 5, "options": 3}']
)
def test_a_link_that_is_none_is_passed_over(context, server, link):
    page = context.new_page()
    page.goto(f"{server.url}/#{link}")
    page.wait_for_selector(".word")
    assert page.input_value("#text") == "Paris is the [MASK] of France."


@pytest.mark.slow
def test_tabs_are_chosen_with_the_keyboard(page):
    page.focus("#tab_fill")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => shown.verb === 'rank'")
    assert page.get_attribute("#tab_rank", "aria-selected") == "true"
    assert page.evaluate("document.activeElement.id") == "tab_rank"


@pytest.mark.slow
def test_every_control_has_a_name(page):
    named = "element => element.labels?.length || element.ariaLabel || element.textContent.trim() || element.title"
    for control in page.locator("button, input, textarea, select").all():
        assert control.evaluate(named)
    assert page.locator("[role=status][aria-live=polite]").count() == 1


@pytest.mark.slow
def test_a_browser_gets_in_with_the_key_as_password(browser, locked):
    context = browser.new_context(http_credentials={"username": "any", "password": KEY})
    page = context.new_page()
    page.goto(locked.url)
    page.wait_for_selector(".word")
    assert "Authorization: Bearer $FILLMASK_API_KEY" in page.inner_text("#command pre")
    context.close()


@pytest.mark.slow
def test_the_api_s_page_lists_every_route(context, server):
    page = context.new_page()
    page.goto(f"{server.url}/docs")
    page.wait_for_selector("#routes details")
    paths = server.get("/openapi.json").json["paths"]
    assert set(page.locator("#routes summary b + code").all_inner_texts()) == set(paths)


@pytest.mark.slow
def test_an_example_of_the_api_s_page_is_sent_and_nothing_is_wider_than_a_phone(browser, server):
    context = browser.new_context(viewport={"width": 375, "height": 800})
    page = context.new_page()
    page.goto(f"{server.url}/docs")
    page.wait_for_selector("#routes details")
    page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    for send in page.locator("#routes button").all():
        with page.expect_response(lambda response: response.request.method == "POST") as sent:
            send.click()
        assert sent.value.status == 200
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    context.close()


def test_they_are_small():
    folder = EMBEDDED.parents[1] / "server" / "page"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 48_000
    assert serving.TEXT in (folder / "verbs.js").read_text()
