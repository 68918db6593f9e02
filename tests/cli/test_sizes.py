"""`brinery sizes`: what it prints, its JSON, and its page in a real browser."""

import functools
import http.server
import json
import os
import pickle
import shutil
import subprocess
import threading
import urllib.request

import pytest

from brinery.cli import main

CHROMEDRIVER = shutil.which("chromedriver")
HOSTILE = "</script><script>document.title='taken'</script>"
GRAPH = {"cache": {"rows": ["x" * 3000, "y" * 1000]}, HOSTILE: bytes(900), "small": [1]}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "data.pickle"
    path.write_bytes(pickle.dumps(GRAPH))
    return path


def test_it_prints_a_tree_with_shares(file, capsys):
    assert main(["sizes", str(file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("bytes, 1 pickle")
    (row,) = [line for line in lines if line.split("  ")[-2:] == ["root['cache']['rows'][0]", "str"]]
    size, share, *_ = row.split()
    assert 3000 < int(size.replace(",", "")) < 3020
    assert 55 < float(share) < 80
    assert not any("root['small']" in line for line in lines)  # less than one percent
    main(["sizes", str(file), "--least", "0"])
    assert "root['small']" in capsys.readouterr().out
    main(["sizes", str(file), "--depth", "1"])
    assert "['rows']" not in capsys.readouterr().out


def test_json_is_complete(file, capsys):
    assert main(["sizes", str(file), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["bytes"] == found["roots"][0]["bytes"] == file.stat().st_size
    assert {part["path"] for part in found["roots"][0]["parts"]} >= {"root['cache']", "root['small']"}


def test_the_page_needs_nothing_from_elsewhere(file, tmp_path, capsys):
    page = tmp_path / "sizes.html"
    assert main(["sizes", str(file), "--html", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert "http" not in text
    assert text.count("</script>") == 2  # the stream's own text ends none


def test_the_page_takes_nobodys_place(file, tmp_path, capsys):
    before = file.read_bytes()
    other = tmp_path / "other.pickle"
    other.write_bytes(b"N.")
    link = tmp_path / "link.html"
    link.symlink_to(file)
    for out, words in (
        (file, "the file itself"),
        (link, "the file itself"),
        (other, "it is no page"),
        (tmp_path, "a folder"),
        (tmp_path / "no" / "such.html", "No such file"),
    ):
        assert main(["sizes", str(file), "--html", str(out)]) == 1
        error = capsys.readouterr().err
        assert words in error
        assert str(out) in error
    assert file.read_bytes() == before
    assert other.read_bytes() == b"N."
    page = tmp_path / "page.html"
    for _ in range(2):  # a page of before is replaced
        assert main(["sizes", str(file), "--html", str(page)]) == 0


@pytest.mark.parametrize(
    ("command", "option", "value"),
    [
        ("sizes", "--least", "nan"),
        ("sizes", "--least", "-1"),
        ("sizes", "--least", "x"),
        ("sizes", "--depth", "-1"),
        ("dis", "--width", "-5"),
        ("diff", "--limit", "-1"),
        ("diff", "--limit", "x"),
    ],
)
def test_values_that_mean_nothing_are_refused(command, option, value, file, capsys):
    files = [str(file)] * (2 if command == "diff" else 1)
    with pytest.raises(SystemExit) as stopped:
        main([command, *files, f"{option}={value}"])
    assert stopped.value.code == 2
    assert option in capsys.readouterr().err


def test_roots_of_several_pickles_are_numbered(tmp_path, capsys):
    path = tmp_path / "some.pickle"
    path.write_bytes(pickle.dumps("a" * 100) + pickle.dumps(["b" * 900]))
    assert main(["sizes", str(path)]) == 0
    out = capsys.readouterr().out
    assert "pickles[1][0]  str" in out
    assert "pickles[0]  str" in out


@pytest.mark.skipif(
    CHROMEDRIVER is None and not os.environ.get("BRINERY_REQUIRE_BROWSER"),
    reason="there is no chromedriver; with BRINERY_REQUIRE_BROWSER it has to be there",
)
class TestInABrowser:
    @pytest.fixture
    def browser(self, file, tmp_path):
        assert main(["sizes", str(file), "--html", str(tmp_path / "sizes.html")]) == 0
        handler = functools.partial(Quiet, directory=str(tmp_path))
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            with Browser() as browser:
                browser.call("POST", "url", url=f"http://127.0.0.1:{server.server_port}/sizes.html")
                yield browser
            server.shutdown()

    def test_one_clicks_through_the_map_and_back(self, browser):
        boxes = "return [...document.querySelectorAll('#map button')].map(box => box.dataset.path)"
        assert browser.run(boxes)[0] == "root['cache']"
        assert browser.run("return document.title") == "Sizes of data.pickle" or "data.pickle" in browser.run(
            "return document.title"
        )
        browser.click("#map button[data-path=\"root['cache']\"]")
        browser.click("#map button[data-path=\"root['cache']['rows']\"]")
        assert browser.run(boxes)[:2] == ["root['cache']['rows'][0]", "root['cache']['rows'][1]"]
        browser.click("#way button:first-child")
        assert browser.run(boxes)[0] == "root['cache']"

    def test_boxes_fill_the_map_by_their_bytes(self, browser):
        areas = browser.run(
            "return [...document.querySelectorAll('#map button')]"
            ".map(box => box.offsetWidth * box.offsetHeight)"
        )
        whole = browser.run("return map.clientWidth * map.clientHeight")
        assert sum(areas) == pytest.approx(whole, rel=0.05)
        assert areas == sorted(areas, reverse=True)

    def test_what_a_stream_says_is_text_and_no_markup(self, browser):
        assert "taken" not in browser.run("return document.title")
        texts = browser.run(
            "return [...document.querySelectorAll('#map button')].map(box => box.textContent)"
        )
        assert any("</script>" in text for text in texts)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Browser:
    """Chromium through its driver's own protocol (W3C WebDriver): a few requests need no package."""

    def __enter__(self):
        self.driver = subprocess.Popen(
            [CHROMEDRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for line in self.driver.stdout:
            if "started successfully on port" in line:
                self.base = f"http://127.0.0.1:{line.split()[-1].rstrip('.')}/session"
                break
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1000,800"]
        chrome = {"args": arguments}
        capabilities = {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": chrome}}
        self.session = ""
        self.session = self.call("POST", "", capabilities=capabilities)["sessionId"]
        return self

    def __exit__(self, *_):
        self.call("DELETE", "")
        self.driver.terminate()
        self.driver.wait()
        self.driver.stdout.close()

    def call(self, method, path, **body):
        address = "/".join(part for part in (self.base, self.session, path) if part)
        data = json.dumps(body).encode() if method == "POST" else None
        request = urllib.request.Request(address, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def run(self, script):
        return self.call("POST", "execute/sync", script=script, args=[])

    def click(self, selector):
        (element,) = self.call("POST", "element", using="css selector", value=selector).values()
        self.call("POST", f"element/{element}/click")
