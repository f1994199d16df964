//! What shields the server from those who take too much of it.

mod linger;
