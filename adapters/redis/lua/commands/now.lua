-- Returns the time by the Store's clock.
return fmt(now)
