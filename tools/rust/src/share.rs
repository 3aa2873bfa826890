//! Which worker replays which stream.

/// Every `peers`-th stream of a log, from the worker's index on: each stream has one worker.
pub fn share_of(streams: u32, index: usize, peers: usize) -> Vec<u32> {
    (0..streams).skip(index).step_by(peers).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_stream_has_one_worker() {
        for peers in 1..5 {
            let mut all: Vec<u32> = (0..peers).flat_map(|i| super::share_of(7, i, peers)).collect();
            all.sort_unstable();
            assert_eq!(all, (0..7).collect::<Vec<_>>());
        }
    }
}
