/*
 * The trace probes of qorb-pool. Names, order and meaning of the arguments are
 * those of qorb-probes(7); a tracer writes a dash for two underscores. The
 * first argument joins the probes of one thing, the second, where there is a
 * backend, is its address. Strings last for the probe only.
 */

provider qorb {
	/* A claim has come in; it ends with claim-done or claim-failed. */
	probe claim__start(uint64_t claim, const char *pool);
	probe claim__done(uint64_t claim, const char *addr, const char *pool,
	    uint64_t slot);
	probe claim__failed(uint64_t claim, const char *reason,
	    const char *pool);

	/* The on-acquire of its connection failed; it goes on waiting. */
	probe claim__acquire__failed(uint64_t claim, const char *addr,
	    const char *pool, uint64_t slot, const char *reason);

	/* One try to serve it, at once or from the queue. */
	probe pool__claim__start(uint64_t claim, const char *pool);
	probe pool__claim__failed(uint64_t claim, const char *pool);
	probe pool__claim__done(uint64_t claim, const char *addr,
	    const char *pool, uint64_t slot);

	/* One backend was chosen for it. */
	probe slot__set__claim__start(uint64_t claim, const char *addr,
	    const char *pool);
	probe slot__set__claim__done(uint64_t claim, const char *addr,
	    const char *pool, uint64_t slot);
	probe slot__set__claim__failed(uint64_t claim, const char *addr,
	    const char *pool, const char *reason);

	/* The connection is lent, and comes back. */
	probe handle__claimed(uint64_t claim, const char *addr,
	    const char *pool, uint64_t slot);
	probe handle__returned(uint64_t claim, const char *addr,
	    const char *pool, uint64_t slot, const char *how);

	/* The daemon ended it, how: lease or revoked; handle-returned follows. */
	probe lease__ended(uint64_t claim, const char *addr, const char *pool,
	    uint64_t slot, const char *how);

	/* It is held for longer than leak-after. */
	probe claim__leak(uint64_t claim, const char *addr, const char *pool,
	    uint64_t slot);

	/* An attempt to connect. */
	probe connect__start(uint64_t slot, const char *addr, const char *pool);
	probe connect__done(uint64_t slot, const char *addr, const char *pool);
	probe connect__failed(uint64_t slot, const char *addr, const char *pool,
	    const char *reason);

	/* A connection died, claimed or not. */
	probe connection__lost(uint64_t slot, const char *addr,
	    const char *pool, const char *reason);

	/* A look at an unclaimed connection. */
	probe health__check__start(uint64_t slot, const char *addr,
	    const char *pool);
	probe health__check__done(uint64_t slot, const char *addr,
	    const char *pool);
	probe health__check__failed(uint64_t slot, const char *addr,
	    const char *pool, const char *reason);

	/* A look at a connection that came back. */
	probe recycle__start(uint64_t slot, const char *addr, const char *pool);
	probe recycle__done(uint64_t slot, const char *addr, const char *pool);
	probe recycle__failed(uint64_t slot, const char *addr, const char *pool,
	    const char *reason);

	/* stats counts the slots of its backend, as JSON. */
	probe slot__state__change(uint64_t slot, const char *addr,
	    const char *pool, const char *old, const char *new,
	    const char *stats);

	/* A backend works, or none of its connections does. */
	probe slot__set__online(uint64_t set, const char *addr,
	    const char *pool, uint64_t has_unclaimed);
	probe slot__set__offline(uint64_t set, const char *addr,
	    const char *pool);

	/* A source names a backend, or none does any more. */
	probe backend__added(uint64_t set, const char *addr, const char *pool,
	    const char *name);
	probe backend__removed(uint64_t set, const char *addr, const char *pool,
	    const char *name);

	/* The slots are spread anew over the backends. */
	probe rebalance__start(uint64_t pool_id, const char *pool);
	probe rebalance__done(uint64_t pool_id, const char *pool);

	/* A look-up at one name server. */
	probe resolve__start(uint64_t resolve_id, const char *service,
	    const char *server);
	probe resolve__done(uint64_t resolve_id, const char *service,
	    const char *server, uint64_t count);
	probe resolve__failed(uint64_t resolve_id, const char *service,
	    const char *server, const char *reason);

	/* A client on the socket of the daemon. */
	probe client__connected(uint64_t client, uint64_t pid, uint64_t uid);
	probe client__gone(uint64_t client, uint64_t pid, uint64_t uid);

	/* Who asked for a claim: claim-start tells of the same. */
	probe client__claim(uint64_t claim, const char *pool, uint64_t pid,
	    const char *program);
};
