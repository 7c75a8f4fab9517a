//! What the programs of this test run write into their logs.

use std::sync::{Arc, Mutex};

/// Everything that the programs of this test run have logged, as the product would at its most talkative.
#[derive(Clone)]
pub struct Log {
    from: usize,
}

static LOG: std::sync::OnceLock<Arc<Mutex<Vec<u8>>>> = std::sync::OnceLock::new();

/// Starts to listen, if nobody did before; the end of the log is the beginning of what is returned.
pub fn log_so_far() -> Log {
    let buffer = LOG.get_or_init(|| {
        let buffer = Arc::<Mutex<Vec<u8>>>::default();
        let lines = Lines(buffer.clone());
        tracing_subscriber::fmt()
            .with_env_filter("debug,s3s=off,sqlx=warn,hyper=warn,aws=warn,posthog_rs=warn")
            .with_writer(move || lines.clone())
            .with_ansi(false)
            .init();
        buffer
    });
    Log {
        from: buffer.lock().unwrap().len(),
    }
}

impl Log {
    /// What was logged since.
    pub fn since(&self) -> String {
        let buffer = LOG.get().unwrap().lock().unwrap();
        String::from_utf8_lossy(&buffer[self.from..]).into_owned()
    }
}

#[derive(Clone)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
