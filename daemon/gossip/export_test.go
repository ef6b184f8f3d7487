package gossip

// JoinNow joins a daemon once, and says whether it went well.
func JoinNow(g *Gossip, addr string) (int, error) { return g.serf.Join([]string{addr}, true) }
