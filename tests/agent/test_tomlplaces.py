"""In which line of a TOML text does each table of a kind, and each key of it, begin?"""

from agent.tomlplaces import places

TEXT = '''# [[task]] in a comment
[[task]]
task_name = "a"
command = """
[[task]]
priority = 1
"""
schedule = [
  "0 1 * * *", # with ] in it
  "0 2 * * *",
]
[task.environment]
PATH = "/bin"

[[other]]
nice = 5

[[task]]
"task_name" = 'it''s'
environment.HOME = "[/"
'''


def test_keys_are_found_in_their_lines_and_not_in_texts_comments_or_other_tables() -> None:
    first, second = places(TEXT.replace("it''s", "its"), "task")

    assert first.line == 2
    assert first.keys == {
        "task_name": 3,
        "command": 4,
        "schedule": 8,
        "environment": 12,
        "PATH": 13,
    }
    assert second.line == 18
    assert second.keys == {"task_name": 19, "environment": 20}
