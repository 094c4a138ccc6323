class Node24 {
  next: Node24 | null = null;
  constructor(public value: number) {}
  static of(...values: number[]): Node24 | null {
    let head: Node24 | null = null;
    for (const value of values.reverse()) {
      const node = new Node24(value);
      node.next = head;
      head = node;
    }
    return head;
  }
}
for (let n24 = Node24.of(1, 2, 3); n24; n24 = n24.next) console.log(n24.value);
