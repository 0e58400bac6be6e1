//! Cases that run on both databases. Knows no case.

/// Runs cases on both databases. Each is an `async fn` of the module where this stands, and takes the `tests::Bench` of
/// its crate, which is made by `Bench::sqlite().await` and `Bench::postgres(&Postgres).await`.
#[macro_export]
#[allow(clippy::crate_in_macro_def)] // The bench is that of the crate whose cases these are.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() { super::$name(crate::tests::Bench::sqlite().await).await; })*
        }
        mod postgres {
            $(#[tokio::test] async fn $name() {
                let postgres = $crate::Postgres::start();
                super::$name(crate::tests::Bench::postgres(&postgres).await).await;
            })*
        }
    };
}
