# 4 tools. Call elasticsearch.NAME(...).
from typing import Any
def list_indices(indexPattern: str) -> Any:
    """List all available Elasticsearch indices"""
def get_mappings(index: str) -> Any:
    """Get field mappings for a specific Elasticsearch index"""
def search(index: str, queryBody: dict, profile: bool = False, explain: bool = False) -> Any:
    """Perform an Elasticsearch search with the provided query DSL
    queryBody: Complete Elasticsearch query DSL object that can include query, size, from, sort, etc"""
def get_shards(index: str = ...) -> Any:
    """Get shard information for all or specific indices"""
