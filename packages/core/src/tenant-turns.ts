/** Items of many tenants, one of each in turn; each tenant's own in order of arrival. */
export class TenantTurns<Item> {
  /** The map's order is the order of turns. */
  readonly #tenants = new Map<string, { items: Item[]; head: number }>();

  push(tenant: string, item: Item): void {
    const line = this.#tenants.get(tenant);
    if (line === undefined) this.#tenants.set(tenant, { items: [item], head: 0 });
    else line.items.push(item);
  }

  shift(): Item | undefined {
    const next = this.#tenants.entries().next();
    if (next.done) return undefined;
    const [tenant, line] = next.value;
    const item = line.items[line.head++];
    this.#tenants.delete(tenant);
    if (line.head < line.items.length) {
      // Lets go of what was taken, now and then.
      if (line.head > 1024 && line.head > line.items.length / 2) {
        line.items.splice(0, line.head);
        line.head = 0;
      } else line.items[line.head - 1] = undefined as never;
      this.#tenants.set(tenant, line);
    }
    return item;
  }
}
