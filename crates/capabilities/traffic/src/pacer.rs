//! Waiting for a moment, to a few microseconds: the runtime's own timer rounds up to a millisecond, which would be
//! measured as if the target had taken it.

use std::time::Instant;

#[cfg(target_os = "linux")]
mod precise {
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };
    use std::io;
    use std::os::fd::OwnedFd;
    use std::time::{Duration, Instant};
    use tokio::io::unix::AsyncFd;

    /// A timer of the kernel's, waited for like a socket.
    pub(crate) struct Pacer(AsyncFd<OwnedFd>);

    impl Pacer {
        // What replaces it is unsafe, for the sake of types that may close their descriptor early; an `OwnedFd` does not.
        #[expect(deprecated, reason = "sound for an `OwnedFd`")]
        pub(crate) fn new() -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            Ok(Self(AsyncFd::new(timerfd_create(TimerfdClockId::Monotonic, flags)?)?))
        }

        /// Waits for `span` from now on, which ends at `moment` or a little later.
        pub(super) async fn sleep(&self, span: Duration, moment: Instant) -> io::Result<()> {
            let value = Timespec {
                tv_sec: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: i64::from(span.subsec_nanos()),
            };
            let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
            // Setting the timer also takes back what it had counted, so that an old expiry is never read.
            timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &once)?;
            while Instant::now() < moment {
                self.0.readable().await?.clear_ready();
            }
            Ok(())
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod precise {
    use std::io;
    use std::time::Duration;

    /// The runtime's timer, late by up to a millisecond.
    pub(crate) struct Pacer;

    impl Pacer {
        pub(crate) fn new() -> io::Result<Self> {
            Ok(Self)
        }

        pub(super) async fn sleep(&self, span: Duration, _: Instant) -> io::Result<()> {
            tokio::time::sleep(span).await;
            Ok(())
        }
    }
}

pub(crate) use precise::Pacer;

impl Pacer {
    /// Waits until `moment`; returns at once if it has passed.
    pub(crate) async fn until(&self, moment: Instant) -> std::io::Result<()> {
        let span = moment.saturating_duration_since(Instant::now());
        if span.is_zero() { Ok(()) } else { self.sleep(span, moment).await }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn it_is_never_early_and_usually_exact() {
        let pacer = Pacer::new().unwrap();
        let mut late: Vec<Duration> = Vec::new();
        for step in 1..=40 {
            let moment = Instant::now() + Duration::from_micros(137 * step);
            pacer.until(moment).await.unwrap();
            let now = Instant::now();
            assert!(now >= moment);
            late.push(now - moment);
        }
        late.sort();
        assert!(late[20] < Duration::from_micros(900), "half of the time {:?} late", late[20]);
        pacer.until(Instant::now() - Duration::from_secs(1)).await.unwrap();
    }

    #[tokio::test]
    async fn however_short_a_wait_is_it_ends() {
        let pacer = Pacer::new().unwrap();
        let waits = async {
            for nanos in 0..20_000 {
                pacer.until(Instant::now() + Duration::from_nanos(nanos)).await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(30), waits).await.unwrap();
    }
}
