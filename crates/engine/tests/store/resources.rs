//! What every store promises of state machines, versions, aliases, activities and tags.

use darkroom_asl::definition::MachineType;
use darkroom_asl::interpreter::event::Reason;
use darkroom_asl::json::Text;
use darkroom_engine::store::{
    Change, EndStatus, Revision, Route, Settings, StateMachineStatus, Store, StoreError, StoredActivity,
    StoredAlias, StoredStateMachine, StoredVersion, Tag,
};

use crate::made::{DEFINITION, at, commit, end, machine_arn, put_definition, start};

fn revision(id: &str) -> Revision {
    Revision {
        id: id.into(),
        is_initial: id.starts_with("first"),
        definition: DEFINITION.into(),
        role_arn: "arn:aws:iam::000000000000:role/größe".into(),
        settings: Settings {
            logging: r#"{"level":"OFF"}"#.into(),
            tracing: r#"{"enabled":true}"#.into(),
            encryption: "{}".into(),
        },
        updated_at: at(8),
    }
}

pub fn machine(name: &str) -> StoredStateMachine {
    StoredStateMachine {
        arn: machine_arn(name),
        name: name.into(),
        machine_type: MachineType::Express,
        created_at: at(7),
        creation: "{}".into(),
        status: StateMachineStatus::Active,
        last_version: 0,
        revision: revision(&format!("first of {name}")),
    }
}

fn version(number: u32) -> StoredVersion {
    StoredVersion {
        state_machine_arn: machine_arn("photos"),
        number,
        description: number.is_multiple_of(2).then(|| format!("number {number}").into()),
        created_at: at(i64::from(number)),
        revision: revision(&format!("revision {number}")),
    }
}

fn alias(machine: &str, name: &str) -> StoredAlias {
    StoredAlias {
        arn: machine_arn(&format!("{machine}:{name}")),
        state_machine_arn: machine_arn(machine),
        name: name.into(),
        description: Some("größe".into()),
        routes: vec![Route { version: 2, weight: 70 }, Route { version: 1, weight: 30 }],
        created_at: at(1),
        updated_at: at(2),
    }
}

fn activity(name: &str) -> StoredActivity {
    let arn = format!("arn:aws:states:eu-west-1:000000000000:activity:{name}").into();
    StoredActivity { arn, name: name.into(), settings: r#"{"type":"X"}"#.into(), created_at: at(3) }
}

fn tags(pairs: &[(&str, &str)]) -> Vec<Tag> {
    pairs.iter().map(|(key, value)| Tag { key: (*key).into(), value: (*value).into() }).collect()
}

fn change(store: &dyn Store, changes: impl IntoIterator<Item = Change>) -> Result<(), StoreError> {
    store.change(&changes.into_iter().collect::<Vec<_>>())
}

pub fn put_machines(store: &dyn Store, names: &[&str]) {
    change(store, names.iter().map(|name| Change::PutStateMachine(machine(name)))).unwrap();
}

pub fn a_state_machine_is_read_back_as_it_was_put(store: &dyn Store) {
    let put = || change(store, [Change::PutStateMachine(machine("photos"))]);
    assert!(put().is_err(), "its definition is not there");
    put_definition(store);
    assert_eq!(store.state_machine(&machine_arn("photos")).unwrap(), None);
    put().unwrap();
    assert_eq!(store.state_machine(&machine_arn("photos")).unwrap(), Some(machine("photos")));

    let updated = StoredStateMachine { last_version: 3, revision: revision("second"), ..machine("photos") };
    change(store, [Change::PutStateMachine(updated.clone())]).unwrap();
    assert_eq!(store.state_machine(&machine_arn("photos")).unwrap(), Some(updated));
    // Executions may still run the one before.
    assert_eq!(store.revision("first of photos").unwrap(), Some(revision("first of photos")));
    assert_eq!(store.revision("second").unwrap(), Some(revision("second")));
    assert_eq!(store.revision("third").unwrap(), None);
}

pub fn all_changes_are_made_or_none(store: &dyn Store) {
    put_definition(store);
    let mut broken = machine("broken");
    broken.revision.definition = "no such".into();
    let changes = [Change::PutStateMachine(machine("photos")), Change::PutStateMachine(broken)];
    assert!(change(store, changes).is_err());
    assert_eq!(store.state_machine(&machine_arn("photos")).unwrap(), None);
    change(store, []).unwrap();
}

pub fn state_machines_are_listed_by_arn_and_paged(store: &dyn Store) {
    put_definition(store);
    put_machines(store, &["c", "a", "d", "b"]);
    let list = |after: Option<&str>, limit| {
        let after = after.map(machine_arn);
        let machines = store.state_machines(after.as_deref(), limit).unwrap();
        machines.iter().map(|machine| machine.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(list(None, 10), ["a", "b", "c", "d"]);
    assert_eq!(list(None, 2), ["a", "b"]);
    assert_eq!(list(Some("b"), 10), ["c", "d"]);
    assert_eq!(list(Some("d"), 10), [""; 0]);
}

pub fn a_deleted_state_machine_stays_until_its_executions_have_ended(store: &dyn Store) {
    put_definition(store);
    let (photos, idle) = (machine_arn("photos"), machine_arn("idle"));
    put_machines(store, &["photos", "idle"]);
    commit(store, [start(1, 1)]).unwrap();
    let names = [photos.clone(), idle.clone(), "no such".into()];
    change(store, names.map(Change::DeleteStateMachine)).unwrap();
    let deleting = StoredStateMachine { status: StateMachineStatus::Deleting, ..machine("photos") };
    assert_eq!(store.state_machine(&photos).unwrap(), Some(deleting.clone()));
    assert_eq!(store.state_machine(&idle).unwrap(), None);
    assert_eq!(store.state_machines(None, 9).unwrap(), [deleting]);

    commit(store, [end(1, EndStatus::Aborted(Reason::default()))]).unwrap();
    assert_eq!(store.state_machine(&photos).unwrap(), None);
    assert_eq!(store.state_machines(None, 9).unwrap(), []);
    let again = StoredStateMachine { revision: revision("another first"), ..machine("photos") };
    change(store, [Change::PutStateMachine(again.clone())]).unwrap();
    assert_eq!(store.state_machine(&photos).unwrap(), Some(again));
}

pub fn versions_are_listed_newest_first(store: &dyn Store) {
    put_definition(store);
    put_machines(store, &["photos", "photo"]);
    change(store, (1..=4).map(|number| Change::PutVersion(version(number)))).unwrap();
    let photos = machine_arn("photos");
    let list = |before, limit| {
        let versions = store.versions(&photos, before, limit).unwrap();
        versions.iter().map(|version| version.number).collect::<Vec<_>>()
    };
    assert_eq!(list(None, 9), [4, 3, 2, 1]);
    assert_eq!(list(None, 1), [4]);
    assert_eq!(list(Some(3), 9), [2, 1]);
    assert_eq!(store.version(&photos, 2).unwrap(), Some(version(2)));
    assert_eq!(store.version(&photos, 3).unwrap(), Some(version(3)));
    assert_eq!(store.versions(&machine_arn("photo"), None, 9).unwrap(), []);
    let delete = |number| Change::DeleteVersion { state_machine_arn: machine_arn("photos"), number };
    change(store, [delete(3), delete(9)]).unwrap();
    assert_eq!(list(None, 9), [4, 2, 1]);
    assert_eq!(store.version(&photos, 3).unwrap(), None);
}

pub fn aliases_are_listed_by_arn(store: &dyn Store) {
    put_definition(store);
    put_machines(store, &["photos", "photo"]);
    let put = ["b", "a"].map(|name| Change::PutAlias(alias("photos", name)));
    change(store, put).unwrap();
    change(store, [Change::PutAlias(alias("photo", "s"))]).unwrap();
    let photos = machine_arn("photos");
    assert_eq!(store.aliases(&photos).unwrap(), [alias("photos", "a"), alias("photos", "b")]);
    assert_eq!(store.alias(&machine_arn("photos:b")).unwrap(), Some(alias("photos", "b")));
    let changed = StoredAlias { description: None, routes: Vec::new(), ..alias("photos", "b") };
    change(store, [Change::PutAlias(changed.clone())]).unwrap();
    assert_eq!(store.alias(&machine_arn("photos:b")).unwrap(), Some(changed));
    change(store, [Change::DeleteAlias(machine_arn("photos:a")), Change::DeleteAlias("none".into())])
        .unwrap();
    assert_eq!(store.alias(&machine_arn("photos:a")).unwrap(), None);
    assert_eq!(store.aliases(&photos).unwrap().len(), 1);
}

pub fn versions_aliases_and_tags_go_with_their_state_machine(store: &dyn Store) {
    put_definition(store);
    put_machines(store, &["photos", "photo"]);
    let photos = machine_arn("photos");
    let put = [
        Change::PutVersion(version(1)),
        Change::PutAlias(alias("photos", "a")),
        Change::PutAlias(alias("photo", "a")),
        Change::PutTags { resource_arn: photos.clone(), tags: tags(&[("k", "v")]) },
    ];
    change(store, put).unwrap();
    commit(store, [start(1, 1)]).unwrap();
    change(store, [Change::DeleteStateMachine(photos.clone())]).unwrap();
    assert_eq!(store.versions(&photos, None, 9).unwrap(), []);
    assert_eq!(store.aliases(&photos).unwrap(), []);
    assert_eq!(store.tags(&photos).unwrap(), []);
    assert_eq!(store.aliases(&machine_arn("photo")).unwrap().len(), 1);
    assert!(store.revision("revision 1").unwrap().is_some(), "an execution may run it");
}

pub fn activities_are_listed_by_arn_and_paged(store: &dyn Store) {
    change(store, ["b", "c", "a"].map(|name| Change::PutActivity(activity(name)))).unwrap();
    assert_eq!(store.activities(None, 2).unwrap(), [activity("a"), activity("b")]);
    assert_eq!(store.activities(Some(&activity("b").arn), 9).unwrap(), [activity("c")]);
    assert_eq!(store.activity(&activity("c").arn).unwrap(), Some(activity("c")));
    let resource_arn = activity("c").arn;
    let put = [Change::PutTags { resource_arn, tags: tags(&[("k", "v")]) }];
    change(store, put).unwrap();
    change(store, [Change::DeleteActivity(activity("c").arn), Change::DeleteActivity("no such".into())])
        .unwrap();
    assert_eq!(store.activity(&activity("c").arn).unwrap(), None);
    assert_eq!(store.tags(&activity("c").arn).unwrap(), []);
    assert_eq!(store.activities(None, 9).unwrap().len(), 2);
}

pub fn tags_keep_their_order(store: &dyn Store) {
    let arn: Text = "resource".into();
    assert_eq!(store.tags(&arn).unwrap(), []);
    for put in [tags(&[("z", "1"), ("a", ""), ("größe", "2")]), tags(&[("a", "3")]), tags(&[])] {
        change(store, [Change::PutTags { resource_arn: arn.clone(), tags: put.clone() }]).unwrap();
        assert_eq!(store.tags(&arn).unwrap(), put);
    }
}
