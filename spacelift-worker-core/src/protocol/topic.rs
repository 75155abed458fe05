//! The two MQTT topics of a worker.
//!
//! Source: Spacelift, self-hosted reference, MQTT broker: `<namespace>/readonly/<pool>/<worker>` towards the
//! worker, `<namespace>/writeonly/<pool>/<worker>` from it.

use crate::ids::{PoolId, WorkerId};

/// The topic on which a worker listens.
pub fn to_worker(namespace: &str, pool: PoolId, worker: WorkerId) -> String {
    format!("{namespace}/readonly/{pool}/{worker}")
}

/// The topic on which a worker speaks.
pub fn from_worker(namespace: &str, pool: PoolId, worker: WorkerId) -> String {
    format!("{namespace}/writeonly/{pool}/{worker}")
}

/// The filter with which a control plane hears every worker.
pub fn from_all_workers(namespace: &str) -> String {
    format!("{namespace}/writeonly/+/+")
}

/// The pool and worker of a topic on which a worker speaks; `None` for every other topic.
pub fn parse_from_worker(namespace: &str, topic: &str) -> Option<(PoolId, WorkerId)> {
    let rest = topic.strip_prefix(namespace)?.strip_prefix("/writeonly/")?;
    let (pool, worker) = rest.split_once('/')?;
    Some((pool.parse().ok()?, worker.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_topic_names_pool_and_worker() {
        let pool = PoolId::from_parts(1, 2);
        let worker = WorkerId::from_parts(3, 4);
        let topic = from_worker("acme", pool, worker);
        assert_eq!(parse_from_worker("acme", &topic), Some((pool, worker)));
        assert_eq!(parse_from_worker("acme", &to_worker("acme", pool, worker)), None);
        assert_eq!(parse_from_worker("acme", &format!("{topic}/more")), None);
        assert_eq!(parse_from_worker("other", &topic), None);
    }
}
