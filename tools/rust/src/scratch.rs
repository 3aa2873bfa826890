//! A directory of one test's own, gone when the test is. Not part of the interface.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Removed with what is in it when it is dropped.
pub struct Directory(PathBuf);

impl Directory {
    /// Under the system's directory for such things.
    #[allow(clippy::new_without_default)]
    pub fn new(name: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("tidemark-rust-{name}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory for a test");
        Directory(path)
    }
    /// A path in it.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
