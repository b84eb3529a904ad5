/** As much of an ESTree node as the rule reads. */
interface SyntaxNode {
  readonly type: string;
  readonly name?: string;
  readonly operator?: string;
  readonly object?: SyntaxNode;
  readonly property?: SyntaxNode;
  readonly arguments?: readonly SyntaxNode[];
  readonly parent?: SyntaxNode | null;
}

interface RuleContext {
  report(problem: { readonly node: SyntaxNode; readonly message: string }): void;
}

const typePositions = ['TSTypeReference', 'TSQualifiedName', 'TSInterfaceHeritage', 'TSTypeQuery'];

/**
 * `new Date()` reads the machine's clock, `new Date(at)` does not; the built-in rules can't tell them apart.
 * Every other use of `Date` as a value is refused too, so that no alias leads around the rule.
 */
const noCurrentDate = {
  create: (context: RuleContext) => ({
    Identifier(node: SyntaxNode): void {
      if (node.name === 'Date' && !readsNoClock(node, node.parent)) {
        context.report({ node, message: 'Core takes the time from its Runtime; `Date` needs an argument here.' });
      }
    },
  }),
};

function readsNoClock(node: SyntaxNode, parent: SyntaxNode | null | undefined): boolean {
  if (!parent) return false;
  switch (parent.type) {
    case 'NewExpression':
      return parent.arguments?.[0] !== undefined && parent.arguments[0].type !== 'SpreadElement';
    case 'MemberExpression':
      return parent.object === node && ['parse', 'UTC'].includes(parent.property?.name ?? '');
    case 'BinaryExpression':
      return parent.operator === 'instanceof';
    default:
      return typePositions.includes(parent.type);
  }
}

export default { meta: { name: 'tidings' }, rules: { 'no-current-date': noCurrentDate } };
