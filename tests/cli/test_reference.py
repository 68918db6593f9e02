"""The page about the command line has every command, every option, and real output."""

import argparse
import re
from pathlib import Path

import pytest

from brinery.cli import COMMANDS, main
from brinery.stream import disassemble

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
SECTIONS = dict(part.split("\n", 1) for part in PAGE.split("\n## ")[1:])

#: The stream of the page's example.
ORDERS = b"\x80\x04\x95\x14\0\0\0\0\0\0\0]\x94\x8c\x04shop\x94\x8c\x03ada\x94\x86\x94Qa."


def parser_of(command):
    parser = argparse.ArgumentParser()
    command.arguments(parser)
    return parser


def test_the_page_has_the_commands_in_the_order_of_help():
    assert list(SECTIONS) == [command.NAME for command in COMMANDS]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.NAME)
class TestEachCommand:
    def test_is_in_the_table_with_its_summary(self, command):
        assert f"| [`{command.NAME}`](#{command.NAME}) | " in PAGE

    def test_has_its_usage_line(self, command):
        usage = " ".join(parser_of(command).format_usage().split()).partition("[-h] ")[2]
        words = sorted(re.findall(r"\[.*?\]|\S+", usage))
        line = re.search(rf"^`brinery {command.NAME} ?(.*)`$", SECTIONS[command.NAME], re.MULTILINE)
        assert sorted(re.findall(r"\[.*?\]|\S+", line[1])) == words

    def test_teaches_with_examples_that_can_be_parsed(self, command):
        examples = re.findall(
            rf"brinery {command.NAME}((?: [^ |&]+)*)", command.HELP.partition("examples:\n")[2]
        )
        assert examples
        for example in examples:
            parser_of(command).parse_args(example.split())

    def test_help_fits_into_80_columns(self, command, capsys):
        with pytest.raises(SystemExit) as stopped:
            main([command.NAME, "--help"])
        assert stopped.value.code == 0
        assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_the_example_of_dis_is_real(tmp_path, capsys):
    file = tmp_path / "orders.pickle"
    file.write_bytes(ORDERS)
    assert main(["dis", str(file), "--width", "100"]) == 0
    assert "$ brinery dis orders.pickle\n" + capsys.readouterr().out + "```" in PAGE
    assert len(list(disassemble(ORDERS))) == 13


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("plugin", "did you mean plugins?"),
        ("expalin pathlib:Path", "did you mean explain?"),
        ("plugins --josn", "unrecognized arguments: --josn; did you mean --json?"),
        ("new-plugin colours --stor3", "did you mean --store?"),
        ("plugins --zzz", "unrecognized arguments: --zzz\n"),
    ],
)
def test_a_slip_names_the_nearest(capsys, line, said):
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
