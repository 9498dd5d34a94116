"""Functions of code blocks in documents that a test runner executes."""

from __future__ import annotations

from afml_cache.keys.code import FunctionCode

PAGE = """# A page

Some prose, then an example:

```python
def double(x):
    return x * 2
```

And more prose, which isn't Python.
"""


def defined_in(path, text):
    path.write_text(text)
    block = text.partition("```python\n")[2].partition("```")[0]
    lines_before = text.partition("```python\n")[0].count("\n") + 1
    namespace = {"__name__": "page"}
    exec(compile("\n" * lines_before + block, str(path), "exec"), namespace)
    return namespace["double"]


def test_a_function_in_a_document_goes_by_its_source(tmp_path):
    current = FunctionCode(defined_in(tmp_path / "page.md", PAGE)).current()
    assert current.edited == ()
    commented = PAGE.replace("return x * 2", "return x * 2  # twice").replace("prose", "text")
    assert FunctionCode(defined_in(tmp_path / "page.md", commented)).current().code == current.code
    edited = PAGE.replace("* 2", "* 3")
    assert FunctionCode(defined_in(tmp_path / "page.md", edited)).current().code != current.code


def test_a_document_that_was_edited_since_is_noticed(tmp_path):
    double = defined_in(tmp_path / "page.md", PAGE)
    (tmp_path / "page.md").write_text(PAGE.replace("* 2", "* 3"))
    assert FunctionCode(double).current().edited == (str(tmp_path / "page.md"),)
