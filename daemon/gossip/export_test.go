package gossip

// JoinNow joins a daemon once, and says whether it went well.
func JoinNow(g *Gossip, addr string) (int, error) { return g.serf.Join([]string{addr}, true) }

// Poke sends the pool an event that means nothing: Serf writes its snapshot to the file only when it has more to put into it.
func Poke(g *Gossip) error { return g.serf.UserEvent("poke", nil, false) }
