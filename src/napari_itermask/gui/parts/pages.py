"""How do the pages of a dock stand behind tabs?"""

from __future__ import annotations

from collections.abc import Iterable

from qtpy.QtWidgets import QTabBar, QTabWidget, QWidget


def tabs_of(pages: Iterable[tuple[QWidget, str, str]]) -> QTabWidget:
    """Tabs without a frame, for (page, title, what it is about)."""
    tabs = QTabWidget()
    tabs.setDocumentMode(True)
    bar = QTabBar()
    bar.setDrawBase(False)
    tabs.setTabBar(bar)
    for page, name, about in pages:
        tabs.setTabToolTip(tabs.addTab(page, name), about)
    return tabs
