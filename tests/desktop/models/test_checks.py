"""The findings of the probes."""

from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication

from desktop.models.checks import ChecksModel
from shared.protocol.rows import Check


def check(check_id: str, state: str = "ok") -> Check:
    return Check(id=check_id, name=check_id.title(), kind=check_id, state=state, since_ms=1)


def test_checks_come_change_and_go(qapp: QApplication) -> None:
    model = ChecksModel()
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)

    model.show_rows([check("disk"), check("cpu")])
    model.show_rows([check("disk", "crit")], gone=["cpu", "unknown"])

    assert [(row.id, row.state) for row in model.checks()] == [("disk", "crit")]
    assert tester.model() is model
