"""Projects, the keys that open them, and what keeps one from seeing another."""

from collector.projects.access import Access
from collector.projects.gate import AuthMode, Gate
from collector.projects.key import ApiKey, Scope
from collector.projects.project import Project
from collector.projects.reader import ProjectReader

__all__ = ["Access", "ApiKey", "AuthMode", "Gate", "Project", "ProjectReader", "Scope"]
