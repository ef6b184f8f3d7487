// Package registrar makes running tasks findable. It owns what an endpoint of a task is, the back ends that write endpoints into a
// discovery service of others (etcd in the format of SkyDNS and CoreDNS, Consul), and the name server that the masters run
// themselves. It must not know agents, masters or containers: agents hand it registrations, masters a Catalog.
//
// # Registrars
//
// A registrar is told what should be registered and makes it so in a goroutine of its own, for as long as it takes; a discovery
// service that is away never holds up a task. Records live as long as their host says so: each back end has the discovery service
// drop the records of a host that is not heard of for a while. A daemon that ends leaves its records where they are, because its
// containers go on. When it comes back in time it writes the same records under the same ids, and nobody sees a gap; when it does
// not, they vanish like those of a dead host.
//
// # Name server
//
// DNS answers for one domain, from the endpoints that a Catalog calls live. For a service "web" that speaks "http" in the domain
// "example.com", these names exist:
//
//	_web._http.example.com   SRV, A and AAAA
//	web.http.example.com     the same, the names that Helios' SkyDNS plugin used
//	HOST.host.example.com    A and AAAA of a host with live endpoints: the targets of the SRV records
//	example.com              SOA and NS
//	ns.example.com           A and AAAA of the masters
//
// The masters are the service "helios" that speaks "http"; no job can join it. There is no CNAME anywhere: a host whose address is
// not known is named as it is by the SRV records, and has no A and AAAA.
package registrar
