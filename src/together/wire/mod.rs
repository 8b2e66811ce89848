//! What is answered: the bodies of the Together API, read so that one odd item spoils no other.

pub mod decode;
pub mod linked_alert;
pub mod remediation;
pub mod state;
