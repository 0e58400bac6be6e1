//! Which questions are answered with what is kept, and under which key: settings, wishes and the request decide. Knows no
//! model and no answer.

mod canon;
mod policy;
mod subject;

pub use policy::Policy;
pub use subject::Subject;
