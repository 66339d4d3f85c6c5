//! What the store of approvals promises, in memory, in SQLite and in PostgreSQL.

#[path = "../made/mod.rs"]
mod made;

mod answers;
mod asked;
mod erased;
mod kill;
mod stage;
mod waiting;

/// Makes a test of each of these functions for each store: they take a stage.
#[macro_export]
macro_rules! for_all_stores {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread")] async fn $name() {
                super::$name($crate::stage::Stage::memory()).await;
            })*
        }
        $crate::for_both_databases! { $($name),* }
    };
}

/// The same, but for memory.
#[macro_export]
macro_rules! for_both_databases {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")] async fn $name() {
                super::$name($crate::stage::Stage::at($crate::made::place::Place::sqlite().expect("always")).await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")] async fn $name() {
                if let Some(place) = $crate::made::place::Place::postgres() {
                    super::$name($crate::stage::Stage::at(place).await).await;
                }
            })*
        }
    };
}
