# 24 tools. Call notion.NAME(...). Classes are dicts: x["key"], not x.key.
from typing import Any, Literal, NotRequired, Required, TypedDict
def API_get_user(user_id: str) -> Any:
    """user_id: format uuid"""
def API_get_users(start_cursor: str = ..., page_size: int = 100) -> Any:
    """page_size: max 100"""
def API_get_self() -> Any:
    """Retrieve your token's bot user"""
class APIPostSearchSort(TypedDict, total=False):
    direction: str
    timestamp: str
class APIPostSearchFilter(TypedDict, total=False):
    value: Literal["page","data_source"]
    property: str
def API_post_search(query: str = ..., sort: APIPostSearchSort | str = ..., filter: APIPostSearchFilter | str = ..., start_cursor: str = ..., page_size: int = 100) -> Any:
    """Search by title [destructive]
    query: The text that the API compares page and database titles against"""
def API_get_block_children(block_id: str, start_cursor: str = ..., page_size: int = 100) -> Any: ...
class ParagraphBlockRequest(TypedDict, total=False):
    paragraph: Paragraph
    type: Literal["paragraph"]
class Paragraph(TypedDict):
    rich_text: list[RichTextRequest]
class RichTextRequest(TypedDict):
    text: Text
    type: NotRequired[Literal["text"]]
class Text(TypedDict):
    content: str
    link: NotRequired[dict | None]
class BulletedListItemBlockRequest(TypedDict, total=False):
    bulleted_list_item: Paragraph
    type: Literal["bulleted_list_item"]
def API_patch_block_children(block_id: str, children: list[ParagraphBlockRequest | BulletedListItemBlockRequest | str | dict], after: str = ...) -> Any:
    """Append block children [destructive]
    children: Child content to append to a container block as an array of [block objects](ref:block)"""
def API_retrieve_a_block(block_id: str) -> Any: ...
def API_update_a_block(block_id: str, type: dict | str = ..., archived: bool = True) -> Any:
    """[destructive]"""
def API_delete_a_block(block_id: str) -> Any:
    """[destructive]"""
def API_retrieve_a_page(page_id: str, filter_properties: str = ...) -> Any:
    """filter_properties: For example: `?filter_properties=iAk8&filter_properties=b7dh`"""
class APIPatchPageIcon(TypedDict):
    emoji: str
class APIPatchPageCoverExternal(TypedDict):
    external: APIPatchPageExternal
    type: NotRequired[Literal["external"]]
class APIPatchPageExternal(TypedDict):
    url: str
def API_patch_page(page_id: str, properties: dict | str = ..., in_trash: bool = False, archived: bool = ..., icon: APIPatchPageIcon | str = ..., cover: APIPatchPageCoverExternal | str = ...) -> Any:
    """Update page properties [destructive]"""
class PageIdParentRequest(TypedDict):
    page_id: str
class DataSourceIdParentRequest(TypedDict):
    type: NotRequired[Literal["database_id"]]
    database_id: str
class ParentRequestWorkspace(TypedDict):
    type: Literal["workspace"]
def API_post_page(parent: PageIdParentRequest | DataSourceIdParentRequest | ParentRequestWorkspace | str, properties: dict | str, children: list[str | dict] = ..., icon: str = ..., cover: str = ...) -> Any:
    """[destructive]
    icon, cover: format json"""
def API_retrieve_a_page_property(page_id: str, property_id: str, page_size: int = ..., start_cursor: str = ...) -> Any:
    """Retrieve a page property item
    property_id: Identifier for a page [property](https://developers.notion.com/reference/page#all-property-values)"""
def API_retrieve_a_comment(block_id: str, start_cursor: str = ..., page_size: int = ...) -> Any: ...
class APICreateACommentRichTextItem(TypedDict):
    text: APICreateACommentText
class APICreateACommentText(TypedDict):
    content: str
def API_create_a_comment(parent: PageIdParentRequest | str, rich_text: list[APICreateACommentRichTextItem | str | dict]) -> Any:
    """[destructive]"""
class SortObject(TypedDict):
    property: str
    direction: Literal["ascending","descending"]
def API_query_data_source(data_source_id: str, filter_properties: list[str | dict] = ..., filter: dict | str = ..., sorts: list[SortObject | str | dict] = ..., start_cursor: str = ..., page_size: int = 100, archived: bool = ..., in_trash: bool = ...) -> Any:
    """[destructive]
    filter_properties: A list of page property value IDs to limit the response"""
def API_retrieve_a_data_source(data_source_id: str) -> Any: ...
def API_update_a_data_source(data_source_id: str, title: list[RichTextRequest | str | dict] = ..., description: list[RichTextRequest | str | dict] = ..., properties: dict | str = ...) -> Any:
    """[destructive]"""
def API_create_a_data_source(parent: PageIdParentRequest | str, properties: dict | str, title: list[RichTextRequest | str | dict] = ...) -> Any:
    """[destructive]"""
def API_list_data_source_templates(data_source_id: str, start_cursor: str = ..., page_size: int = 100) -> Any: ...
def API_retrieve_a_database(database_id: str) -> Any: ...
class MovePageParentRequestPageId(TypedDict):
    type: Literal["page_id"]
    page_id: str
class MovePageParentRequestDatabaseId(TypedDict):
    type: Literal["database_id"]
    database_id: str
def API_move_page(page_id: str, parent: MovePageParentRequestPageId | MovePageParentRequestDatabaseId | ParentRequestWorkspace | str) -> Any:
    """[destructive]
    page_id: format uuid"""
def API_retrieve_page_markdown(page_id: str, include_transcript: bool = False) -> Any:
    """Retrieve a page as Markdown
    page_id: Identifier for a Notion page (or block) to read or update as markdown; format uuid"""
class APIUpdatePageMarkdownReplaceContent(TypedDict):
    new_str: str
    allow_deleting_content: NotRequired[bool]
class APIUpdatePageMarkdownUpdateContent(TypedDict):
    content_updates: list[APIUpdatePageMarkdownContentUpdate]
    allow_deleting_content: NotRequired[bool]
class APIUpdatePageMarkdownContentUpdate(TypedDict):
    old_str: str
    new_str: str
    replace_all_matches: NotRequired[bool]
class APIUpdatePageMarkdownInsertContent(TypedDict, total=False):
    content: Required[str]
    after: str
    position: APIUpdatePageMarkdownPosition
class APIUpdatePageMarkdownPosition(TypedDict, total=False):
    type: Literal["start","end"]
class APIUpdatePageMarkdownReplaceContentRange(TypedDict):
    content: str
    content_range: str
    allow_deleting_content: NotRequired[bool]
def API_update_page_markdown(page_id: str, type: Literal["replace_content","update_content","insert_content","replace_content_range"], replace_content: APIUpdatePageMarkdownReplaceContent | str = ..., update_content: APIUpdatePageMarkdownUpdateContent | str = ..., insert_content: APIUpdatePageMarkdownInsertContent | str = ..., replace_content_range: APIUpdatePageMarkdownReplaceContentRange | str = ...) -> Any:
    """Update a page's content as Markdown [destructive]"""
