"""The line that says what went wrong, and the stack that belongs to it."""

import pytest

from agent.running.trouble import recognise

PYTHON = """Traceback (most recent call last):
  File "/srv/a.py", line 3, in <module>
    main()
  File "/srv/a.py", line 2, in main
    raise shop.PriceError("price of A-17 is negative")
shop.PriceError: price of A-17 is negative"""
PHP = """PHP Fatal error:  Uncaught RuntimeException: no stock in /srv/a.php:7
Stack trace:
#0 /srv/a.php(9): sync()
#1 {main}
  thrown in /srv/a.php on line 7"""
NODE = """TypeError: Cannot read properties of undefined (reading 'id')
    at load (/srv/a.js:3:11)
    at Object.<anonymous> (/srv/a.js:9:1)"""
JAVA = """Exception in thread "main" java.lang.IllegalStateException: closed
\tat shop.Sync.run(Sync.java:12)
\tat shop.Main.main(Main.java:4)
Caused by: java.io.IOException: reset
\t... 2 more"""
XTRACE = """+ cp /in/a.csv /out
cp: cannot stat '/in/a.csv': No such file or directory"""


@pytest.mark.parametrize(
    ("trace", "message"),
    [
        (PYTHON, "shop.PriceError: price of A-17 is negative"),
        (PHP, "RuntimeException: no stock in /srv/a.php:7"),
        (NODE, "TypeError: Cannot read properties of undefined (reading 'id')"),
        (JAVA, "java.lang.IllegalStateException: closed"),
        (XTRACE, "cp: cannot stat '/in/a.csv': No such file or directory"),
    ],
)
def test_a_stack_trace_is_recognised_amid_other_output(trace: str, message: str) -> None:
    trouble = recognise("starting: 3 files\n" + trace + "\n")

    assert trouble.message == message
    assert trouble.stack_trace == trace


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("one\nERROR: price list is locked\nbye\n", "ERROR: price list is locked"),
        ("\x1b[31mfatal: no route\x1b[0m\n\n", "fatal: no route"),
        ("just\nwords\n", "words"),
        ("\n \n", None),
        ("", None),
    ],
)
def test_without_a_trace_the_most_telling_line_is_the_message(
    text: str, message: str | None
) -> None:
    trouble = recognise(text)

    assert (trouble.message, trouble.stack_trace) == (message, None)
