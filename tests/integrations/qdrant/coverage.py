"""Every public method of Qdrant's clients that asks the store: how it is traced, or why it is not."""

TRACED = {
    "query_points": "retrieval",
    "query_points_groups": "retrieval",
    "query_batch_points": "retrieval",
    "scroll": "retrieval",
    "retrieve": "retrieval",
    "search": "retrieval",
    "search_groups": "retrieval",
    "search_batch": "retrieval",
    "recommend": "retrieval",
    "recommend_groups": "retrieval",
    "recommend_batch": "retrieval",
    "discover": "retrieval",
    "discover_batch": "retrieval",
    "count": "count",
    "facet": "facet",
    "search_matrix_pairs": "search_matrix_pairs",
    "search_matrix_offsets": "search_matrix_offsets",
    "upsert": "upsert",
    "upload_points": "upload_points",
    "upload_collection": "upload_collection",
    "upload_records": "upload_records",
    "update_vectors": "update_vectors",
    "batch_update_points": "update",
    "delete": "delete",
    "delete_vectors": "delete_vectors",
    "set_payload": "set_payload",
    "overwrite_payload": "overwrite_payload",
    "delete_payload": "delete_payload",
    "clear_payload": "clear_payload",
    "create_collection": "create_collection",
    "recreate_collection": "recreate_collection",
    "update_collection": "update_collection",
    "delete_collection": "delete_collection",
}
"""Method → the operation that its span is named after. Not every version has all of them."""

_THROUGH = "goes through methods that are traced"
_LOOKS = "looks at the store's own description of itself, not at what is stored"
_SCHEMA = "changes how the store keeps what it holds, not what it holds"
_OPERATES = "operates the server: snapshots, shards, peers"
_LOCAL = "asks no store: it is about local models, or the client itself"

EXCLUDED = {
    **dict.fromkeys(("query", "query_batch", "add", "migrate"), _THROUGH),
    **dict.fromkeys(
        (
            *("collection_exists", "get_collection", "get_collections", "get_aliases", "get_collection_aliases"),
            *("get_optimizations", "info"),
        ),
        _LOOKS,
    ),
    **dict.fromkeys(
        (
            *("create_payload_index", "delete_payload_index", "create_vector_name", "delete_vector_name"),
            "update_collection_aliases",
        ),
        _SCHEMA,
    ),
    **dict.fromkeys(
        (
            *("list_snapshots", "create_snapshot", "delete_snapshot", "recover_snapshot"),
            *("list_full_snapshots", "create_full_snapshot", "delete_full_snapshot"),
            *("list_shard_snapshots", "create_shard_snapshot", "delete_shard_snapshot", "recover_shard_snapshot"),
            *("create_shard_key", "delete_shard_key", "list_shard_keys"),
            *("cluster_collection_update", "cluster_status", "cluster_telemetry", "collection_cluster_info"),
            *("recover_current_peer", "remove_peer", "lock_storage", "unlock_storage", "get_locks"),
        ),
        _OPERATES,
    ),
    **dict.fromkeys(
        (
            *("close", "set_model", "set_sparse_model", "get_embedding_size", "get_vector_field_name"),
            *("get_sparse_vector_field_name", "get_fastembed_vector_params", "get_fastembed_sparse_vector_params"),
            *("list_text_models", "list_image_models", "list_sparse_models"),
            *("list_late_interaction_text_models", "list_late_interaction_multimodal_models"),
        ),
        _LOCAL,
    ),
}
"""Method → why it is not traced."""
