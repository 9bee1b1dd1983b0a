"""Every public method of Chroma's clients and collections that asks the store: how it is traced, or why it is not."""

TRACED = {
    "query": "retrieval",
    "get": "retrieval",
    "peek": "retrieval",
    "search": "retrieval",
    "add": "add",
    "update": "update",
    "upsert": "upsert",
    "delete": "delete",
    "count": "count",
    "modify": "modify",
    "create_collection": "create_collection",
    "get_or_create_collection": "get_or_create_collection",
    "delete_collection": "delete_collection",
}
"""Method → the operation that its span is named after. Not every version has all of them."""

_LOOKS = "looks at the store's own description of itself, not at what is stored"
_OPERATES = "operates the server or a function that runs there"
_LOCAL = "asks no store: it is about the client itself"

EXCLUDED = {
    **dict.fromkeys(
        (
            *("get_collection", "get_collection_by_id", "list_collections", "count_collections", "get_version"),
            *("heartbeat", "get_max_batch_size", "get_user_identity", "get_indexing_status", "fork_count"),
        ),
        _LOOKS,
    ),
    **dict.fromkeys(
        ("reset", "fork", "attach_function", "detach_function", "get_attached_function"),
        _OPERATES,
    ),
    **dict.fromkeys(
        (
            *("get_model", "get_settings", "set_tenant", "set_database", "clear_system_cache", "from_system"),
            *("from_system_async", "create", "close", "get_chroma_cloud_api_key_from_clients"),
        ),
        _LOCAL,
    ),
}
"""Method → why it is not traced."""
