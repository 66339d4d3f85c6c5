# 27 tools. Call mongodb.NAME(...). Classes are dicts: x["key"], not x.key.
from typing import Any, Literal, NotRequired, Required, TypedDict
class AggregateDbResult(TypedDict):
    documents: list
    aggResultsCount: NotRequired[float]
    appliedLimits: list[Literal["config.maxDocumentsPerQuery","config.maxBytesPerQuery","tool.responseBytesLimit"]]
def aggregate_db(connectionId: str, database: str, pipeline: list[dict], responseBytesLimit: float = 1048576) -> AggregateDbResult:
    """Run an aggregation against a MongoDB database
    connectionId: Use the id returned by one of the connect tools
    pipeline: one of `$changeStream`, `$currentOp`, `$documents`, `$listLocalSessions`, `$queryStats`"""
AggregatePipelineItem = TypedDict("AggregatePipelineItem", {
    "$vectorSearch": AggregateVectorSearch | AggregateVectorSearch2,
})
class AggregateVectorSearch(TypedDict, total=False):
    exact: bool
    index: Required[str]
    path: Required[str]
    numCandidates: int
    limit: int
    filter: dict
    queryVector: Required[list[float]]
class AggregateVectorSearch2(TypedDict, total=False):
    exact: bool
    index: Required[str]
    path: Required[str]
    numCandidates: int
    limit: int
    filter: dict
    query: Required[AggregateQuery]
    model: Literal["voyage-4","voyage-4-large","voyage-4-lite","voyage-code-3"]
class AggregateQuery(TypedDict):
    text: str
class AggregateResult(TypedDict):
    documents: list
    count: Literal["indeterminate"] | float
    appliedLimits: list[Literal["config.maxDocumentsPerQuery","config.maxBytesPerQuery","tool.responseBytesLimit"]]
def aggregate(connectionId: str, database: str, collection: str, pipeline: list[AggregatePipelineItem | dict], responseBytesLimit: float = 1048576) -> AggregateResult:
    """Run an aggregation against a MongoDB collection"""
class CollectionIndexesResult(TypedDict):
    classicIndexes: list[CollectionIndexesClassicIndex]
    searchIndexes: list[CollectionIndexesSearchIndex]
    classicIndexesCount: float
    searchIndexesCount: float
class CollectionIndexesClassicIndex(TypedDict):
    name: str
    key: dict
class CollectionIndexesSearchIndex(TypedDict):
    name: str
    type: str
    status: str
    queryable: bool
    latestDefinition: dict
def collection_indexes(connectionId: str, database: str, collection: str) -> CollectionIndexesResult:
    """Describe the indexes for a collection
    connectionId: The connection to run the operation against; Use the id returned by one of the connect tools"""
class CollectionSchemaResult(TypedDict):
    schema: dict
    fieldsCount: float
def collection_schema(connectionId: str, database: str, collection: str, sampleSize: float = 50, responseBytesLimit: float = 1048576) -> CollectionSchemaResult:
    """Describe the schema for a collection"""
class CollectionStorageSizeResult(TypedDict):
    size: float
    units: str
def collection_storage_size(connectionId: str, database: str, collection: str) -> CollectionStorageSizeResult: ...
class ConnectResult(TypedDict):
    connectionId: str
def connect(connectionString: str, connectionName: str = ...) -> ConnectResult:
    """Connect to a MongoDB instance and get back a connectionId to pass to the other MongoDB tools
    connectionString: in the mongodb:// or mongodb+srv:// format
    connectionName: stored slugified with a short suffix, e.g. "staging" becomes staging-<suffix>"""
class CountResult(TypedDict):
    count: float
def count(connectionId: str, database: str, collection: str, query: dict = ...) -> CountResult:
    """Gets the number of documents in a MongoDB collection using db.collection.count() and query as an optional filter…"""
class CreateCollectionResult(TypedDict):
    database: str
    collection: str
    created: bool
def create_collection(connectionId: str, database: str, collection: str) -> CreateCollectionResult: ...
class CreateIndexDefinitionItemClassic(TypedDict):
    type: Literal["classic"]
    keys: dict[str, Literal[1,-1,"2d","2dsphere","text","geoHaystack","hashed"]]
class CreateIndexDefinitionItemVectorSearch(TypedDict):
    type: Literal["vectorSearch"]
    fields: list[CreateIndexFieldFilter | CreateIndexFieldVector | CreateIndexFieldAutoEmbed]
class CreateIndexFieldFilter(TypedDict):
    type: Literal["filter"]
    path: str
class CreateIndexFieldVector(TypedDict, total=False):
    type: Required[Literal["vector"]]
    path: Required[str]
    numDimensions: float
    similarity: Literal["cosine","euclidean","dotProduct"]
    quantization: Literal["none","scalar","binary"]
class CreateIndexFieldAutoEmbed(TypedDict):
    type: Literal["autoEmbed"]
    path: str
    model: Literal["voyage-4","voyage-4-large","voyage-4-lite","voyage-code-3"]
    modality: Literal["text"]
class CreateIndexDefinitionItemSearch(TypedDict):
    type: Literal["search"]
    analyzer: NotRequired[str]
    mappings: CreateIndexMappings
    numPartitions: NotRequired[Literal["1","2","4"]]
class CreateIndexMappings(TypedDict, total=False):
    dynamic: bool | CreateIndexDynamic
    fields: dict
class CreateIndexDynamic(TypedDict):
    typeSet: str
class CreateIndexResult(TypedDict):
    database: str
    collection: str
    indexName: str
    indexType: Literal["classic","vectorSearch","search"]
def create_index(connectionId: str, database: str, collection: str, name: str = ..., *, definition: list[CreateIndexDefinitionItemClassic | CreateIndexDefinitionItemVectorSearch | CreateIndexDefinitionItemSearch]) -> CreateIndexResult: ...
class DbStatsResult(TypedDict):
    stats: dict
def db_stats(connectionId: str, database: str) -> DbStatsResult:
    """Returns statistics that reflect the use state of a single database
    connectionId: The connection to run the operation against; one of the connect tools"""
class DeleteManyResult(TypedDict):
    database: str
    collection: str
    deletedCount: float
def delete_many(connectionId: str, database: str, collection: str, filter: dict = ...) -> DeleteManyResult:
    """Removes all documents that match the filter from a MongoDB collection [destructive]
    filter: The query filter, specifying the deletion criteria"""
class DisconnectResult(TypedDict):
    outcome: Literal["removed","disconnected"]
def disconnect(connectionId: str) -> DisconnectResult:
    """Close a MongoDB connection and revoke its connectionId"""
class DropCollectionResult(TypedDict):
    database: str
    collection: str
    dropped: bool
def drop_collection(connectionId: str, database: str, collection: str) -> DropCollectionResult:
    """Removes a collection or view from the database [destructive]"""
class DropDatabaseResult(TypedDict):
    database: str
    dropped: bool
def drop_database(connectionId: str, database: str) -> DropDatabaseResult:
    """Removes the specified database, deleting the associated data files [destructive]"""
class DropIndexResult(TypedDict):
    database: str
    collection: str
    indexName: str
    dropped: bool
def drop_index(connectionId: str, database: str, collection: str, indexName: str, type: Literal["classic","search"]) -> DropIndexResult:
    """Drop an index for the provided database and collection [destructive]"""
class ExplainMethodItemAggregate(TypedDict):
    name: Literal["aggregate"]
    arguments: ExplainArguments
class ExplainArguments(TypedDict):
    pipeline: list[AggregatePipelineItem | dict]
class ExplainMethodItemFind(TypedDict):
    name: Literal["find"]
    arguments: ExplainArguments2
class ExplainArguments2(TypedDict, total=False):
    filter: dict
    projection: dict
    limit: float
    sort: dict[str, Literal[1,-1,"asc","desc","ascending","descending"] | ExplainSortItem]
ExplainSortItem = TypedDict("ExplainSortItem", {
    "$meta": str,
})
class ExplainMethodItemCount(TypedDict):
    name: Literal["count"]
    arguments: ExplainArguments3
class ExplainArguments3(TypedDict, total=False):
    query: dict
class ExplainResult(TypedDict):
    explainResult: dict
    method: Literal["aggregate","find","count"]
    verbosity: Literal["queryPlanner","queryPlannerExtended","executionStats","allPlansExecution"]
def explain(connectionId: str, database: str, collection: str, method: list[ExplainMethodItemAggregate | ExplainMethodItemFind | ExplainMethodItemCount], verbosity: Literal["queryPlanner","queryPlannerExtended","executionStats","allPlansExecution"] = "queryPlanner") -> ExplainResult:
    """Returns statistics describing the execution of the winning plan chosen by the query optimizer for the evaluated method"""
def export(connectionId: str, database: str, collection: str, exportTitle: str, exportTarget: list[ExplainMethodItemFind | ExplainMethodItemAggregate], jsonExportFormat: Literal["relaxed","canonical"] = "relaxed") -> Any:
    """Export a query or aggregation results in the specified EJSON format
    exportTitle: A short description to uniquely identify the export"""
class FindResult(TypedDict):
    documents: list
    queryResultsCount: NotRequired[float]
    appliedLimits: list[Literal["config.maxDocumentsPerQuery","config.maxBytesPerQuery","tool.responseBytesLimit"]]
def find(connectionId: str, database: str, collection: str, filter: dict = ..., projection: dict = ..., limit: float = 10, sort: dict[str, Literal[1,-1,"asc","desc","ascending","descending"] | ExplainSortItem] = ..., responseBytesLimit: float = 1048576) -> FindResult:
    """Run a find query against a MongoDB collection
    filter: The query filter, matching the syntax of the query argument of db.collection.find()
    projection: The projection, matching the syntax of the projection argument of db.collection.find()
    sort: A document, describing the sort order, matching the syntax of the sort argument of cursor.sort()"""
class InsertManyResult(TypedDict):
    database: str
    collection: str
    insertedCount: float
    insertedIds: list
def insert_many(connectionId: str, database: str, collection: str, documents: list[dict]) -> InsertManyResult:
    """Insert an array of documents into a MongoDB collection"""
class ListCollectionsResult(TypedDict):
    collections: list[ListCollectionsCollection]
    totalCount: float
class ListCollectionsCollection(TypedDict):
    name: str
def list_collections(connectionId: str, database: str) -> ListCollectionsResult: ...
class ListConnectionsResult(TypedDict):
    connections: list[ListConnectionsConnection]
class ListConnectionsConnection(TypedDict):
    connectionId: str
    name: str
    source: Literal["explicit","preconfigured"]
    state: NotRequired[Literal["connected","connecting","disconnected","errored"]]
    description: str
    lastError: NotRequired[str]
    createdAt: str
    lastUsedAt: str
def list_connections() -> ListConnectionsResult:
    """List the active MongoDB connections and their connectionIds"""
class ListDatabasesResult(TypedDict):
    databases: list[ListDatabasesDatabase]
    totalCount: float
class ListDatabasesDatabase(TypedDict):
    name: str
    size: float
def list_databases(connectionId: str) -> ListDatabasesResult: ...
class MongodbLogsResult(TypedDict):
    logs: list[str]
    totalLinesWritten: float
    shownCount: float
def mongodb_logs(connectionId: str, type: Literal["global","startupWarnings"] = "global", limit: int = 50) -> MongodbLogsResult:
    """Returns the most recent logged mongod events
    limit: 1..1024"""
class RenameCollectionResult(TypedDict):
    database: str
    oldCollection: str
    newCollection: str
    renamed: bool
def rename_collection(connectionId: str, database: str, collection: str, newName: str, dropTarget: bool = False) -> RenameCollectionResult:
    """[destructive]"""
class UpdateManyResult(TypedDict):
    database: str
    collection: str
    matchedCount: float
    modifiedCount: float
    upsertedCount: float
    upsertedId: NotRequired[str]
def update_many(connectionId: str, database: str, collection: str, filter: dict = ..., *, update: dict, upsert: bool = ...) -> UpdateManyResult:
    """Updates all documents that match the specified filter for a collection [destructive]
    update: An update document describing the modifications to apply using update operator expressions"""
class SearchKnowledgeDataSource(TypedDict):
    name: str
    versionLabel: NotRequired[str]
def search_knowledge(query: str, limit: float = 5, dataSources: list[SearchKnowledgeDataSource] = ...) -> Any:
    """Search for information in the MongoDB Assistant knowledge base
    limit: 1..100"""
def list_knowledge_sources() -> Any:
    """List available data sources in the MongoDB Assistant knowledge base"""
