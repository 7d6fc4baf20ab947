-- Gives the instant by the Store's clock.
return fmt(now)
