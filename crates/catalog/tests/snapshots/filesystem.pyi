# 14 tools. Call filesystem.NAME(...). Classes are dicts: x["key"], not x.key.
from typing import Literal, NotRequired, TypedDict
class ReadFileResult(TypedDict):
    content: str
def read_file(path: str, tail: float = ..., head: float = ...) -> ReadFileResult:
    """Read the complete contents of a file as text"""
def read_text_file(path: str, tail: float = ..., head: float = ...) -> ReadFileResult:
    """Read the complete contents of a file from the file system as text"""
class ReadMediaFileResult(TypedDict):
    content: list[ReadMediaFileContentItem | ReadMediaFileContentItemResource]
class ReadMediaFileContentItem(TypedDict):
    type: Literal["image","audio"]
    data: str
    mimeType: str
class ReadMediaFileContentItemResource(TypedDict):
    type: Literal["resource"]
    resource: ReadMediaFileResource
class ReadMediaFileResource(TypedDict):
    uri: str
    mimeType: NotRequired[str]
    blob: str
def read_media_file(path: str) -> ReadMediaFileResult:
    """Read a file and return it as a base64-encoded content block with its MIME type"""
def read_multiple_files(paths: list[str]) -> ReadFileResult:
    """Read the contents of multiple files simultaneously
    paths: Each path must be a string pointing to a valid file within allowed directories"""
def write_file(path: str, content: str) -> ReadFileResult:
    """Create a new file or completely overwrite an existing file with new content [destructive]"""
class EditFileEdit(TypedDict):
    oldText: str
    newText: str
def edit_file(path: str, edits: list[EditFileEdit], dryRun: bool = False) -> ReadFileResult:
    """Make line-based edits to a text file [destructive]
    Returns a git-style diff showing the changes made"""
def create_directory(path: str) -> ReadFileResult:
    """Create a new directory or ensure a directory exists"""
def list_directory(path: str) -> ReadFileResult:
    """Get a detailed listing of all files and directories in a specified path
    Results clearly distinguish between files and directories with [FILE] and [DIR] prefixes"""
def list_directory_with_sizes(path: str, sortBy: Literal["name","size"] = "name") -> ReadFileResult:
    """Get a detailed listing of all files and directories in a specified path, including sizes
    Results clearly distinguish between files and directories with [FILE] and [DIR] prefixes"""
def directory_tree(path: str, excludePatterns: list[str] = []) -> ReadFileResult:
    """Get a recursive tree view of files and directories as a JSON structure
    Each entry includes 'name', 'type' (file/directory), and 'children' for directories"""
def move_file(source: str, destination: str) -> ReadFileResult:
    """Move or rename files and directories [destructive]"""
def search_files(path: str, pattern: str, excludePatterns: list[str] = []) -> ReadFileResult:
    """Recursively search for files and directories matching a pattern
    Returns full paths to all matching items"""
def get_file_info(path: str) -> ReadFileResult:
    """Retrieve detailed metadata about a file or directory
    Returns comprehensive information including size, creation time, last modified time, permissions, and type"""
def list_allowed_directories() -> ReadFileResult:
    """Returns the list of directories that this server is allowed to access"""
