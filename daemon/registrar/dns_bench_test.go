package registrar

import (
	"fmt"
	"testing"

	"github.com/miekg/dns"
)

func BenchmarkAnswer(b *testing.B) {
	for _, hosts := range []int{3, 100, 5000} {
		z, _ := newZone(testApex, 1, nil, manyWebs(hosts))
		for _, qtype := range []uint16{dns.TypeSRV, dns.TypeA} {
			b.Run(fmt.Sprintf("%s/hosts=%d", dns.TypeToString[qtype], hosts), func(b *testing.B) {
				query := ask("_web._http.helios.test.", qtype).SetEdns0(1232, false)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := z.answer(query, maxUDPAnswer, 5).Pack(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkQueries measures queries over the loopback, clients included.
func BenchmarkQueries(b *testing.B) {
	for _, network := range []string{"udp", "tcp"} {
		b.Run(network, func(b *testing.B) {
			d := serve(b, newCatalog(manyWebs(3)...))
			b.RunParallel(func(pb *testing.PB) {
				client := dns.Client{Net: network}
				conn, err := client.Dial(d.Addr().String())
				if err != nil {
					b.Error(err)
					return
				}
				defer func() { conn.Close() }()
				for asked := 1; pb.Next(); asked++ {
					if _, _, err := client.ExchangeWithConn(ask("_web._http.helios.test.", dns.TypeSRV), conn); err != nil {
						b.Error(err)
						return
					}
					// The server ends a connection after so many.
					if network == "tcp" && asked%maxTCPQueries == 0 {
						conn.Close()
						if conn, err = client.Dial(d.Addr().String()); err != nil {
							b.Error(err)
							return
						}
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "queries/s")
		})
	}
}

func BenchmarkZone(b *testing.B) {
	for _, count := range []int{100, 10000} {
		b.Run(fmt.Sprintf("endpoints=%d", count), func(b *testing.B) {
			endpoints := manyWebs(count)
			for i := range endpoints {
				endpoints[i].Name = fmt.Sprintf("web%d", i%100)
			}
			b.ReportAllocs()
			for b.Loop() {
				newZone(testApex, 1, nil, endpoints)
			}
		})
	}
}
