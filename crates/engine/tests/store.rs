//! The store suite: one function a promise, the same for every store.
//!
//! A new store starts by passing them: it is one more module in `for_every_store`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "store/made.rs"]
mod made;
#[path = "store/promises.rs"]
mod promises;
#[path = "store/resources.rs"]
mod resources;
#[path = "store/sample.rs"]
mod sample;
#[path = "store/sqlite_only.rs"]
mod sqlite_only;

/// A test a promise, for each store.
macro_rules! for_every_store {
    ($($promises:ident: $($promise:ident)+;)+) => {
        mod memory {
            $($(
                #[test]
                fn $promise() {
                    crate::$promises::$promise(&darkroom_engine::store::MemoryStore::default());
                }
            )+)+
        }
        mod sqlite {
            $($(
                #[test]
                fn $promise() {
                    let folder = tempfile::tempdir().unwrap();
                    let path = folder.path().join("store.db");
                    crate::$promises::$promise(&darkroom_engine::store::SqliteStore::open(path).unwrap());
                }
            )+)+
        }
    };
}

for_every_store! {
    promises:
    an_empty_store_has_nothing
    every_kind_of_event_is_read_back_as_it_was
    a_history_may_come_in_any_pieces
    an_execution_is_read_back_as_it_was
    a_batch_with_one_conflict_writes_nothing
    a_second_writer_with_a_stale_id_is_refused
    an_arn_is_given_once
    a_key_is_given_once
    a_gap_is_refused
    events_of_an_execution_that_never_started_are_refused
    nothing_follows_an_end
    a_redrive_opens_what_ended_badly
    a_start_needs_its_definition
    an_empty_append_changes_nothing
    open_executions_are_those_without_an_end
    sleepers_are_read_in_the_order_in_which_they_wake
    a_list_is_newest_first_filtered_and_paged
    a_list_knows_versions_and_aliases
    ended_executions_are_deleted_oldest_end_first
    what_ended_since_a_time_is_found_by_key
    what_is_traced_is_found_by_its_trace_and_its_start
    parking_is_noted_and_undone
    a_token_secret_is_kept_as_it_was_first_given
    an_execution_is_found_by_its_number_too
    the_last_key_is_the_largest
    a_definition_is_kept_as_it_was_first_put
    a_thousand_executions_fit_in_one_batch
    a_part_of_a_history_is_what_the_whole_has_there
    readers_see_what_was_committed_before_they_began;

    resources:
    a_state_machine_is_read_back_as_it_was_put
    all_changes_are_made_or_none
    state_machines_are_listed_by_arn_and_paged
    a_deleted_state_machine_stays_until_its_executions_have_ended
    versions_are_listed_newest_first
    aliases_are_listed_by_arn
    versions_aliases_and_tags_go_with_their_state_machine
    activities_are_listed_by_arn_and_paged
    tags_keep_their_order;
}
