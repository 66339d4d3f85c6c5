# 12 tools. Call git.NAME(...).
from typing import Any
def git_status(repo_path: str) -> Any:
    """Shows the working tree status"""
def git_diff_unstaged(repo_path: str, context_lines: int = 3) -> Any:
    """Shows changes in the working directory that are not yet staged"""
def git_diff_staged(repo_path: str, context_lines: int = 3) -> Any:
    """Shows changes that are staged for commit"""
def git_diff(repo_path: str, target: str, context_lines: int = 3) -> Any:
    """Shows differences between branches or commits"""
def git_commit(repo_path: str, message: str) -> Any:
    """Records changes to the repository"""
def git_add(repo_path: str, files: list[str]) -> Any:
    """Adds file contents to the staging area"""
def git_reset(repo_path: str) -> Any:
    """Unstages all staged changes [destructive]"""
def git_log(repo_path: str, max_count: int = 10, start_timestamp: str = ..., end_timestamp: str = ...) -> Any:
    """Shows the commit logs
    start_timestamp, end_timestamp: e.g. '2024-01-15T14:30:25'"""
def git_create_branch(repo_path: str, branch_name: str, base_branch: str = ...) -> Any:
    """Creates a new branch from an optional base branch"""
def git_checkout(repo_path: str, branch_name: str) -> Any:
    """Switches branches"""
def git_show(repo_path: str, revision: str) -> Any:
    """Shows the contents of a commit, or of a file or directory given as <revision>:<path>"""
def git_branch(repo_path: str, branch_type: str, contains: str = ..., not_contains: str = ...) -> Any:
    """branch_type: Whether to list local branches ('local'), remote branches ('remote') or all branches('all')
    contains: The commit sha that branch should contain
    not_contains: The commit sha that branch should NOT contain"""
