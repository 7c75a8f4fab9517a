//! Runs the stand-in by itself: `payment-stand-in <address> <where events go>`, such as
//! `payment-stand-in 127.0.0.1:4242 http://127.0.0.1:3000/stripe/events`. Says where it listens, and ends with its input.

use std::io::{self, Read as _, Write as _};

use payment_stand_in::StandIn;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(events)) = (arguments.next(), arguments.next()) else {
        return Err("payment-stand-in <address> <where events go>".into());
    };
    let stand_in = StandIn::listen(address.parse()?).await;
    stand_in.deliver_to(events);
    writeln!(io::stdout(), "{}", stand_in.url)?;
    io::stdout().flush()?;
    // Whoever started it has ended when there is nothing to read any more.
    tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}
