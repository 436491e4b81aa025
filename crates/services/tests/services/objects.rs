//! Objects that are put and deleted at the same time.

use axum::body::Body;
use axum::extract::Request;

use crate::port::Port;

/// Pairs of calls: each has but a small chance to meet the other where it matters.
const ROUNDS: usize = 100;

async fn send(port: &Port, method: &str, key: &str) -> u16 {
    let request =
        Request::builder().method(method).uri(format!("/bucket/{key}")).body(Body::from(key.to_owned()));
    port.send(request.unwrap()).await.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_put_keeps_its_folder_though_the_last_object_beside_it_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::open(folder.path());
    assert_eq!(send(&port, "PUT", "").await, 200);
    for round in 0..ROUNDS {
        let (old, new) = (format!("a/b/{round}/c/old"), format!("a/b/{round}/c/new"));
        assert_eq!(send(&port, "PUT", &old).await, 200);
        let (put, deleted) = tokio::join!(send(&port, "PUT", &new), send(&port, "DELETE", &old));
        assert_eq!((put, deleted), (200, 204), "in round {round}");
        assert_eq!((send(&port, "GET", &new).await, send(&port, "GET", &old).await), (200, 404));
        assert_eq!(send(&port, "DELETE", &new).await, 204);
    }
    assert!(!folder.path().join("buckets/bucket/a").exists(), "empty folders go");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_put_and_a_delete_of_one_key_either_comes_last() {
    let folder = tempfile::tempdir().unwrap();
    let port = Port::open(folder.path());
    assert_eq!(send(&port, "PUT", "").await, 200);
    for round in 0..ROUNDS {
        assert_eq!(send(&port, "PUT", "a/key").await, 200);
        let (put, deleted) = tokio::join!(send(&port, "PUT", "a/key"), send(&port, "DELETE", "a/key"));
        assert_eq!((put, deleted), (200, 204), "in round {round}");
        assert!(matches!(send(&port, "GET", "a/key").await, 200 | 404));
    }
}
