"""The line that says what went wrong, and the stack that belongs to it."""

import pytest

from agent.running.trouble import recognise
from tests.effort import growth

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
\tat shop.Net.read(Net.java:7)
\t... 2 more"""
RUBY = """/srv/a.rb:3:in 'Shop#load': no price (Shop::PriceError)
\tfrom /srv/a.rb:7:in `each'
\tfrom /srv/a.rb:9:in '<main>'"""
# As Node 20, Java 17 and Python 3.11 write them.
NODE_AWAITED = """Error: ENOENT: no such file or directory, open '/no/such'
    at async open (node:internal/fs/promises:637:25)
    at async inner (/srv/a.js:1:58)
    at async Promise.all (index 0)
    at async outer (/srv/a.js:2:25) {
  errno: -2,
  code: 'ENOENT'
}"""
NODE_LINES = """Error: first line
second line
    at thrower (/srv/a b.js:3:29)
    at node:internal/main/run_main_module:28:49 {
  code: 'E_X'
}"""
NODE_CAUSED = """Error: outer
    at Object.<anonymous> (/srv/a.js:5:68)
    ... 4 lines matching cause stack trace ...
    at node:internal/main/run_main_module:28:49 {
  [cause]: Error: inner
      at thrower (/srv/a.js:3:29)
}"""
JAVA_OF_NO_PACKAGE = """Exception in thread "main" T$MyEx: outer bad
\tat java.base@17.0.1/java.util.ArrayList.forEach(ArrayList.java:1511)
\tat T.main(T.java:8)
Caused by: java.lang.IllegalStateException: inner bad
\tat T.f(T.java:2)"""
JAVA_LINES = """Exception in thread "main" java.lang.RuntimeException: line one
line two
\tat T.main(T.java:4)"""
JAVA_SUPPRESSED = """Exception in thread "main" java.lang.Exception: main one
\tat T.main(T.java:6)
\tSuppressed: java.lang.Exception: sup
\t\tat T.close(T.java:9)
Caused by: java.io.IOException: reset
\tat T.read(T.java:3)"""
PYTHON_GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "/srv/a.py", line 7, in <module>
  |     raise ExceptionGroup("both", [ValueError("x"), TypeError("y")])
  | ExceptionGroup: both (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | ValueError: x
    +------------------------------------"""
PYTHON_CAUSED = """Traceback (most recent call last):
  File "/srv/a.py", line 4, in g
    f()
ValueError: no price
of A-17

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/srv/a.py", line 16, in <module>
    g()
KeyError: 'k'"""
PYTHON_NOTED = """Traceback (most recent call last):
  File "/srv/a.py", line 15, in <module>
    raise error
ValueError: price list
of line two"""
RUBY_SHOWN = """/srv/a.rb:3:in 'Shop#load': undefined method 'price' for nil (NoMethodError)

  item.price
      ^^^^^^
\tfrom /srv/a.rb:7:in 'Array#each'
\tfrom /srv/a.rb:9:in '<main>'"""
RUBY_CAUSED = """/srv/a.rb:8:in `rescue in <main>': no prices (RuntimeError)
\tfrom /srv/a.rb:5:in `<main>'
/srv/a.rb:2:in `load': line one (ArgumentError)
line two
\tfrom /srv/a.rb:6:in `block in <main>'"""
RUBY_MARKED = """/srv/a.rb:4:in `<main>': undefined method `foo' for nil:NilClass (NoMethodError)

nil.foo
   ^^^^"""
PHP_STAMPED = """[25-Nov-2026 22:00:00 UTC] PHP Fatal error:  Uncaught Error: no in /srv/a.php:7
Stack trace:
#0 {main}
  thrown in /srv/a.php on line 7"""
PHP_CHAINED = """PHP Fatal error:  Uncaught PDOException: gone away in /srv/a.php:3
Stack trace:
#0 /srv/a.php(9): read()
#1 {main}

Next RuntimeException: no prices in /srv/a.php:5
Stack trace:
#0 /srv/a.php(12): sync()
#1 {main}
  thrown in /srv/a.php on line 5"""
PHP_LINES = """PHP Fatal error:  Uncaught RuntimeException: first
second in /srv/a.php:7
Stack trace:
#0 /srv/a.php(9): sync()
#1 {main}
  thrown in /srv/a.php on line 7"""
XTRACE = """+ cp /in/a.csv /out
cp: cannot stat '/in/a.csv': No such file or directory"""


@pytest.mark.parametrize(
    ("trace", "message"),
    [
        (PYTHON, "shop.PriceError: price of A-17 is negative"),
        (PHP, "RuntimeException: no stock in /srv/a.php:7"),
        (NODE, "TypeError: Cannot read properties of undefined (reading 'id')"),
        (JAVA, "java.lang.IllegalStateException: closed"),
        (RUBY, "Shop::PriceError: no price"),
        ("a.rb:1:in '<main>': unhandled (RuntimeError)", "RuntimeError: unhandled"),
        (NODE_AWAITED, "Error: ENOENT: no such file or directory, open '/no/such'"),
        (NODE_LINES, "Error: first line"),
        (NODE_CAUSED, "Error: outer"),
        (JAVA_OF_NO_PACKAGE, "T$MyEx: outer bad"),
        (JAVA_LINES, "java.lang.RuntimeException: line one"),
        (JAVA_SUPPRESSED, "java.lang.Exception: main one"),
        (PYTHON_GROUP, "ExceptionGroup: both (2 sub-exceptions)"),
        (PYTHON_CAUSED, "KeyError: 'k'"),
        (PYTHON_NOTED, "ValueError: price list"),
        (RUBY_SHOWN, "NoMethodError: undefined method 'price' for nil"),
        (RUBY_CAUSED, "RuntimeError: no prices"),
        (RUBY_MARKED, "NoMethodError: undefined method `foo' for nil:NilClass"),
        (PHP_STAMPED, "Error: no in /srv/a.php:7"),
        (PHP_CHAINED, "RuntimeException: no prices in /srv/a.php:5"),
        (PHP_LINES, "RuntimeException: first"),
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


@pytest.mark.parametrize(
    ("trace", "language", "frames"),
    [
        (PYTHON, "python", [("/srv/a.py", 2, "main"), ("/srv/a.py", 3, "<module>")]),
        (
            NODE_AWAITED,
            "node",
            [
                ("node:internal/fs/promises", 637, "open"),
                ("/srv/a.js", 1, "inner"),
                ("/srv/a.js", 2, "outer"),
            ],
        ),
        (
            NODE_LINES,
            "node",
            [("/srv/a b.js", 3, "thrower"), ("node:internal/main/run_main_module", 28, None)],
        ),
        (
            NODE_CAUSED,
            "node",
            [
                ("/srv/a.js", 5, "Object.<anonymous>"),
                ("node:internal/main/run_main_module", 28, None),
            ],
        ),
        (
            JAVA_OF_NO_PACKAGE,
            "java",
            [
                ("ArrayList.java", 1511, "java.base@17.0.1/java.util.ArrayList.forEach"),
                ("T.java", 8, "T.main"),
            ],
        ),
        (JAVA_SUPPRESSED, "java", [("T.java", 6, "T.main")]),
        (PYTHON_CAUSED, "python", [("/srv/a.py", 16, "<module>")]),
        (PYTHON_GROUP, "python", [("/srv/a.py", 7, "<module>")]),
        (
            RUBY_SHOWN,
            "ruby",
            [
                ("/srv/a.rb", 3, "Shop#load"),
                ("/srv/a.rb", 7, "Array#each"),
                ("/srv/a.rb", 9, "<main>"),
            ],
        ),
        (
            RUBY_CAUSED,
            "ruby",
            [("/srv/a.rb", 8, "rescue in <main>"), ("/srv/a.rb", 5, "<main>")],
        ),
        (PHP_STAMPED, "php", [("/srv/a.php", 7, "{main}")]),
        (PHP_CHAINED, "php", [("/srv/a.php", 5, "sync"), ("/srv/a.php", 12, "{main}")]),
        (PHP_LINES, "php", [("/srv/a.php", 7, "sync"), ("/srv/a.php", 9, "{main}")]),
        (PHP, "php", [("/srv/a.php", 7, "sync"), ("/srv/a.php", 9, "{main}")]),
        (
            "PHP Fatal error:  no stock in /srv/a.php on line 7\n"
            "PHP Stack trace:\n"
            "PHP   1. {main}() /srv/a.php:0\n"
            "PHP   2. sync() /srv/a.php:9",
            "php",
            [("/srv/a.php", 9, "sync"), ("/srv/a.php", 0, "{main}")],
        ),
        (NODE, "node", [("/srv/a.js", 3, "load"), ("/srv/a.js", 9, "Object.<anonymous>")]),
        (
            "Error: no\n    at /srv/b.js:1:2\n    at async run (file:///srv/c.js:4:5)",
            "node",
            [("/srv/b.js", 1, None), ("file:///srv/c.js", 4, "run")],
        ),
        (JAVA, "java", [("Sync.java", 12, "shop.Sync.run"), ("Main.java", 4, "shop.Main.main")]),
        (
            RUBY,
            "ruby",
            [("/srv/a.rb", 3, "Shop#load"), ("/srv/a.rb", 7, "each"), ("/srv/a.rb", 9, "<main>")],
        ),
    ],
)
def test_the_calls_of_a_trace_are_told_apart_and_the_one_that_failed_comes_first(
    trace: str, language: str, frames: list[tuple[str | None, int | None, str | None]]
) -> None:
    found = recognise("starting\n" + trace).frames

    assert found is not None
    assert found["language"] == language
    assert [(frame["file"], frame["line"], frame["function"]) for frame in found["frames"]] == (
        frames
    )


def test_of_an_endless_recursion_the_innermost_fifty_calls_are_kept() -> None:
    calls = "".join(f'  File "/srv/a.py", line {n}, in f\n    f()\n' for n in range(1, 301))

    found = recognise(f"Traceback (most recent call last):\n{calls}RecursionError: too deep").frames

    assert found is not None
    assert [frame["line"] for frame in found["frames"]] == list(range(300, 250, -1))


@pytest.mark.parametrize(
    ("begin", "piece"), [("    at ", "("), ("#0 ", "a(1): "), ("a:1:in `", "x': ")]
)
def test_a_hostile_line_four_times_as_long_takes_about_four_times_as_long(
    begin: str, piece: str
) -> None:
    def read(size: int) -> None:
        line = begin + piece * (size // len(piece))
        recognise(f"Error: no\n    at a.js:1:1\n{line}\n{line}")

    assert growth(read, 60_000) < 8
