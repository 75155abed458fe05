//! What a container has taken, from what its Engine tells of it.

use bollard::models::ContainerStatsResponse;

use crate::exec::ExecUsage;

/// Nothing of a container that has ended: its Engine then tells zeros.
///
/// Memory is what `docker stats` shows: without the pages of files that the kernel can drop at any time.
pub(super) fn of(told: &ContainerStatsResponse) -> Option<ExecUsage> {
    let processes = told.pids_stats.as_ref()?.current?;
    let processor = told.cpu_stats.as_ref()?;
    let memory = told.memory_stats.as_ref()?;
    let droppable = |name| memory.stats.as_ref().and_then(|stats| stats.get(name));
    // The names of control groups v2 and v1.
    let inactive = droppable("inactive_file").or_else(|| droppable("total_inactive_file"));
    Some(ExecUsage {
        processes: u32::try_from(processes).ok()?,
        cpu_ms: processor.cpu_usage.as_ref()?.total_usage? / 1_000_000,
        memory: memory.usage?.saturating_sub(inactive.copied().unwrap_or(0)),
        throttled_ms: processor
            .throttling_data
            .as_ref()
            .and_then(|data| data.throttled_time)
            .map(|ns| ns / 1_000_000),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(json: serde_json::Value) -> ContainerStatsResponse {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn memory_that_the_kernel_can_drop_does_not_count() {
        let usage = of(&told(serde_json::json!({
            "pids_stats": {"current": 4},
            "cpu_stats": {"cpu_usage": {"total_usage": 2_500_000_000_u64}, "throttling_data": {"throttled_time": 1_000_000_000_u64}},
            "memory_stats": {"usage": 9 << 20, "stats": {"inactive_file": 1 << 20}},
        })));
        let usage = usage.unwrap();
        assert_eq!((usage.processes, usage.cpu_ms, usage.memory), (4, 2_500, 8 << 20));
        assert_eq!(usage.throttled_ms, Some(1_000));
    }

    #[test]
    fn an_ended_container_takes_nothing_that_is_told() {
        assert_eq!(
            of(&told(serde_json::json!({"pids_stats": {}, "cpu_stats": {}, "memory_stats": {}}))),
            None
        );
    }
}
