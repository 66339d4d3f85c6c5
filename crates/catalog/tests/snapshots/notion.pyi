# 24 tools. Call notion.NAME(...). Classes are shapes of plain dicts: x["key"], not x.key.
from typing import Any, Literal, NotRequired, Required, TypedDict
def API_get_user(user_id: str) -> Any:
    """Notion | Retrieve a user [read-only]"""
def API_get_users(start_cursor: str = ..., page_size: int = 100) -> Any:
    """Notion | List all users [read-only]
    start_cursor: If supplied, this endpoint will return a page of results starting after the cursor provided"""
def API_get_self() -> Any:
    """Notion | Retrieve your token's bot user [read-only]"""
class APIPostSearchSort(TypedDict, total=False):
    direction: str
    timestamp: str
class APIPostSearchFilter(TypedDict, total=False):
    value: Literal["page","data_source"]
    property: str
def API_post_search(query: str = ..., sort: APIPostSearchSort | str = ..., filter: APIPostSearchFilter | str = ..., start_cursor: str = ..., page_size: int = 100) -> Any:
    """Notion | Search by title [destructive]
    query: The text that the API compares page and database titles against"""
def API_get_block_children(block_id: str, start_cursor: str = ..., page_size: int = 100) -> Any:
    """Notion | Retrieve block children [read-only]"""
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
    """Notion | Append block children [destructive]
    children: Child content to append to a container block as an array of [block objects](ref:block)
    after: The ID of the existing block that the new block should be appended after"""
def API_retrieve_a_block(block_id: str) -> Any:
    """Notion | Retrieve a block [read-only]"""
def API_update_a_block(block_id: str, type: dict | str = ..., archived: bool = True) -> Any:
    """Notion | Update a block [destructive]"""
def API_delete_a_block(block_id: str) -> Any:
    """Notion | Delete a block [destructive]"""
def API_retrieve_a_page(page_id: str, filter_properties: str = ...) -> Any:
    """Notion | Retrieve a page [read-only]
    filter_properties: A list of page property value IDs associated with the page"""
class APIPatchPageIcon(TypedDict):
    emoji: str
class APIPatchPageCoverExternal(TypedDict):
    external: APIPatchPageExternal
    type: NotRequired[Literal["external"]]
class APIPatchPageExternal(TypedDict):
    url: str
def API_patch_page(page_id: str, properties: dict | str = ..., in_trash: bool = False, archived: bool = ..., icon: APIPatchPageIcon | str = ..., cover: APIPatchPageCoverExternal | str = ...) -> Any:
    """Notion | Update page properties [destructive]"""
class PageIdParentRequest(TypedDict):
    page_id: str
class DataSourceIdParentRequest(TypedDict):
    type: NotRequired[Literal["database_id"]]
    database_id: str
class ParentRequestWorkspace(TypedDict):
    type: Literal["workspace"]
def API_post_page(parent: PageIdParentRequest | DataSourceIdParentRequest | ParentRequestWorkspace | str, properties: dict | str, children: list[str | dict] = ..., icon: str = ..., cover: str = ...) -> Any:
    """Notion | Create a page [destructive]"""
def API_retrieve_a_page_property(page_id: str, property_id: str, page_size: int = ..., start_cursor: str = ...) -> Any:
    """Notion | Retrieve a page property item [read-only]
    property_id: Identifier for a page [property](https://developers.notion.com/reference/page#all-property-values)"""
def API_retrieve_a_comment(block_id: str, start_cursor: str = ..., page_size: int = ...) -> Any:
    """Notion | Retrieve comments [read-only]"""
class APICreateACommentRichTextItem(TypedDict):
    text: APICreateACommentText
class APICreateACommentText(TypedDict):
    content: str
def API_create_a_comment(parent: PageIdParentRequest | str, rich_text: list[APICreateACommentRichTextItem | str | dict]) -> Any:
    """Notion | Create comment [destructive]"""
class SortObject(TypedDict):
    property: str
    direction: Literal["ascending","descending"]
def API_query_data_source(data_source_id: str, filter_properties: list[str | dict] = ..., filter: dict | str = ..., sorts: list[SortObject | str | dict] = ..., start_cursor: str = ..., page_size: int = 100, archived: bool = ..., in_trash: bool = ...) -> Any:
    """Notion | Query a data source [destructive]
    filter_properties: A list of page property value IDs to limit the response"""
def API_retrieve_a_data_source(data_source_id: str) -> Any:
    """Notion | Retrieve a data source [read-only]"""
def API_update_a_data_source(data_source_id: str, title: list[RichTextRequest | str | dict] = ..., description: list[RichTextRequest | str | dict] = ..., properties: dict | str = ...) -> Any:
    """Notion | Update a data source [destructive]"""
def API_create_a_data_source(parent: PageIdParentRequest | str, properties: dict | str, title: list[RichTextRequest | str | dict] = ...) -> Any:
    """Notion | Create a data source [destructive]"""
def API_list_data_source_templates(data_source_id: str, start_cursor: str = ..., page_size: int = 100) -> Any:
    """Notion | List templates in a data source [read-only]"""
def API_retrieve_a_database(database_id: str) -> Any:
    """Notion | Retrieve a database [read-only]"""
class MovePageParentRequestPageId(TypedDict):
    type: Literal["page_id"]
    page_id: str
class MovePageParentRequestDatabaseId(TypedDict):
    type: Literal["database_id"]
    database_id: str
def API_move_page(page_id: str, parent: MovePageParentRequestPageId | MovePageParentRequestDatabaseId | ParentRequestWorkspace | str) -> Any:
    """Notion | Move a page [destructive]"""
def API_retrieve_page_markdown(page_id: str, include_transcript: bool = False) -> Any:
    """Notion | Retrieve a page as Markdown [read-only]
    page_id: Identifier for a Notion page (or block) to read or update as markdown"""
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
    """Notion | Update a page's content as Markdown [destructive]"""
