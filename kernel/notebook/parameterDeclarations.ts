import ts from "typescript";
import type { ParameterType } from "./parameterType.js";

/** A variable that the cell tagged `parameters` declares. */
export interface ParameterDeclaration {
  name: string;
  keyword: "const" | "let" | "var";
  type: ParameterType;
  /** The type as the cell writes it; absent when it is inferred from the default. */
  annotation?: string;
  /** The default's source text; absent when there is none. */
  defaultText?: string;
  /** What the comment on the same line, or the comment lines right above, say; "" without. */
  comment: string;
}

/** The variables that a cell declares at its top level, in order. Destructured ones cannot be set and are left out. */
export function parameterDeclarations(source: string): ParameterDeclaration[] {
  const file = ts.createSourceFile("parameters.ts", source, ts.ScriptTarget.Latest, true);
  const types = new TypeReader(file);
  const found: ParameterDeclaration[] = [];
  for (const statement of file.statements) {
    if (!ts.isVariableStatement(statement)) continue;
    const { declarations, flags } = statement.declarationList;
    const keyword = flags & ts.NodeFlags.Const ? "const" : flags & ts.NodeFlags.Let ? "let" : "var";
    for (const declaration of declarations) {
      if (!ts.isIdentifier(declaration.name)) continue;
      const type = declaration.type
        ? types.ofTypeNode(declaration.type)
        : types.ofExpression(declaration.initializer);
      types.declared.set(declaration.name.text, type);
      const only = declarations.length === 1;
      found.push({
        name: declaration.name.text,
        keyword,
        type,
        annotation: declaration.type?.getText(file),
        defaultText: declaration.initializer?.getText(file),
        comment: commentOf(file, only ? statement : declaration, source),
      });
    }
  }
  return found;
}

function commentOf(file: ts.SourceFile, node: ts.Node, source: string): string {
  // In `a = 1, // …` and `b = 2; // …` a mark stands between a declaration and its comment.
  const end = /[,;]/.test(source[node.end] ?? "") ? node.end + 1 : node.end;
  const trailing = ts.getTrailingCommentRanges(source, end);
  if (trailing?.length) return commentText(source, trailing);
  const leading = ts.getLeadingCommentRanges(source, node.getFullStart()) ?? [];
  // Only the block right above: no blank line below it, and not the comment that trails the line before.
  const block: ts.CommentRange[] = [];
  let below = node.getStart(file);
  for (const range of leading.toReversed()) {
    const between = source.slice(range.end, below);
    if ((between.match(/\n/g) ?? []).length > 1) break;
    block.unshift(range);
    below = range.pos;
  }
  return commentText(source, block);
}

function commentText(source: string, ranges: readonly ts.CommentRange[]): string {
  return ranges
    .map(({ pos, end }) => source.slice(pos, end))
    .flatMap((text) => text.replace(/^\/\*+|\*+\/$/g, "").split("\n"))
    .map((line) => line.trim().replace(/^(\/\/+|\*)\s*/, ""))
    .filter((line) => line !== "")
    .join(" ");
}

const any: ParameterType = { kind: "any" };

/** Reads types off the syntax; following imports or inferring calls would need the whole program. */
class TypeReader {
  /** The types of the variables above. */
  readonly declared = new Map<string, ParameterType>();
  private readonly named = new Map<string, ts.TypeAliasDeclaration | ts.InterfaceDeclaration>();

  constructor(private readonly file: ts.SourceFile) {
    for (const statement of file.statements) {
      if (ts.isTypeAliasDeclaration(statement) || ts.isInterfaceDeclaration(statement)) {
        this.named.set(statement.name.text, statement);
      }
    }
  }

  ofTypeNode(node: ts.TypeNode): ParameterType {
    switch (node.kind) {
      case ts.SyntaxKind.NumberKeyword:
        return { kind: "number" };
      case ts.SyntaxKind.StringKeyword:
      case ts.SyntaxKind.TemplateLiteralType:
        return { kind: "string" };
      case ts.SyntaxKind.BooleanKeyword:
        return { kind: "boolean" };
      case ts.SyntaxKind.BigIntKeyword:
        return { kind: "bigint" };
      case ts.SyntaxKind.UndefinedKeyword:
        return { kind: "undefined" };
    }
    if (ts.isParenthesizedTypeNode(node)) return this.ofTypeNode(node.type);
    if (ts.isArrayTypeNode(node)) return { kind: "array", element: this.ofTypeNode(node.elementType) };
    if (ts.isUnionTypeNode(node)) return union(node.types.map((member) => this.ofTypeNode(member)));
    if (ts.isLiteralTypeNode(node)) return this.ofLiteralType(node.literal);
    if (ts.isTypeLiteralNode(node)) return this.ofMembers(node.members);
    if (ts.isTypeReferenceNode(node)) return this.ofReference(node);
    if (ts.isTypeOperatorNode(node) && node.operator === ts.SyntaxKind.ReadonlyKeyword) {
      return this.ofTypeNode(node.type);
    }
    if (ts.isTupleTypeNode(node)) return this.ofTuple(node);
    return any;
  }

  private ofLiteralType(literal: ts.LiteralTypeNode["literal"]): ParameterType {
    if (literal.kind === ts.SyntaxKind.NullKeyword) return { kind: "null" };
    if (literal.kind === ts.SyntaxKind.TrueKeyword) return { kind: "literal", value: true };
    if (literal.kind === ts.SyntaxKind.FalseKeyword) return { kind: "literal", value: false };
    if (ts.isStringLiteralLike(literal)) return { kind: "literal", value: literal.text };
    if (ts.isNumericLiteral(literal)) return { kind: "literal", value: Number(literal.text) };
    if (ts.isPrefixUnaryExpression(literal)) {
      return { kind: "literal", value: Number(literal.getText(this.file).replaceAll("_", "")) };
    }
    return any;
  }

  private ofTuple(node: ts.TupleTypeNode): ParameterType {
    const plain = node.elements.every(
      (element) => !ts.isRestTypeNode(element) && !ts.isOptionalTypeNode(element),
    );
    if (!plain) return { kind: "array", element: any };
    return {
      kind: "tuple",
      elements: node.elements.map((element) =>
        ts.isNamedTupleMember(element) ? this.ofTypeNode(element.type) : this.ofTypeNode(element),
      ),
    };
  }

  private ofReference(node: ts.TypeReferenceNode): ParameterType {
    const name = node.typeName.getText(this.file);
    const [first, second] = node.typeArguments ?? [];
    if ((name === "Array" || name === "ReadonlyArray") && first) {
      return { kind: "array", element: this.ofTypeNode(first) };
    }
    if (name === "Record" && first?.kind === ts.SyntaxKind.StringKeyword && second) {
      return { kind: "record", value: this.ofTypeNode(second) };
    }
    const declaration = this.named.get(name);
    if (!declaration || declaration.typeParameters) return any;
    if (ts.isInterfaceDeclaration(declaration) && declaration.heritageClauses) return any;
    // A type that contains itself is not followed further.
    this.named.delete(name);
    const type = ts.isInterfaceDeclaration(declaration)
      ? this.ofMembers(declaration.members)
      : this.ofTypeNode(declaration.type);
    this.named.set(name, declaration);
    return type;
  }

  private ofMembers(members: ts.NodeArray<ts.TypeElement>): ParameterType {
    const fields: Record<string, { type: ParameterType; optional: boolean }> = {};
    for (const member of members) {
      const name = member.name && propertyName(member.name);
      if (!ts.isPropertySignature(member) || name === undefined) return any;
      fields[name] = {
        type: member.type ? this.ofTypeNode(member.type) : any,
        optional: member.questionToken !== undefined,
      };
    }
    return { kind: "object", fields };
  }

  ofExpression(node: ts.Expression | undefined): ParameterType {
    if (!node) return any;
    switch (node.kind) {
      case ts.SyntaxKind.NumericLiteral:
        return { kind: "number" };
      case ts.SyntaxKind.BigIntLiteral:
        return { kind: "bigint" };
      case ts.SyntaxKind.StringLiteral:
      case ts.SyntaxKind.NoSubstitutionTemplateLiteral:
      case ts.SyntaxKind.TemplateExpression:
        return { kind: "string" };
      case ts.SyntaxKind.TrueKeyword:
      case ts.SyntaxKind.FalseKeyword:
        return { kind: "boolean" };
    }
    if (ts.isParenthesizedExpression(node) || ts.isSatisfiesExpression(node))
      return this.ofExpression(node.expression);
    if (ts.isAsExpression(node) || ts.isTypeAssertionExpression(node)) {
      const isConst = node.type.getText(this.file) === "const";
      return isConst ? this.ofExpression(node.expression) : this.ofTypeNode(node.type);
    }
    if (ts.isPrefixUnaryExpression(node)) {
      return node.operator === ts.SyntaxKind.ExclamationToken
        ? { kind: "boolean" }
        : this.ofExpression(node.operand);
    }
    if (ts.isIdentifier(node)) {
      if (node.text === "Infinity" || node.text === "NaN") return { kind: "number" };
      return this.declared.get(node.text) ?? any;
    }
    if (ts.isBinaryExpression(node)) return this.ofBinary(node);
    if (ts.isConditionalExpression(node)) {
      return union([this.ofExpression(node.whenTrue), this.ofExpression(node.whenFalse)]);
    }
    if (ts.isArrayLiteralExpression(node)) {
      const plain = !node.elements.some(
        (element) => ts.isSpreadElement(element) || ts.isOmittedExpression(element),
      );
      const elements = node.elements.map((element) => this.ofExpression(element));
      return { kind: "array", element: plain && elements.length > 0 ? union(elements) : any };
    }
    if (ts.isObjectLiteralExpression(node)) return this.ofObject(node);
    if (ts.isCallExpression(node) || ts.isPropertyAccessExpression(node)) {
      return wellKnown(node.getText(this.file));
    }
    return any;
  }

  private ofBinary(node: ts.BinaryExpression): ParameterType {
    const [left, right] = [this.ofExpression(node.left), this.ofExpression(node.right)];
    switch (node.operatorToken.kind) {
      case ts.SyntaxKind.PlusToken:
        if (left.kind === "string" || right.kind === "string") return { kind: "string" };
        return left.kind === right.kind ? left : any;
      case ts.SyntaxKind.MinusToken:
      case ts.SyntaxKind.AsteriskToken:
      case ts.SyntaxKind.SlashToken:
      case ts.SyntaxKind.PercentToken:
      case ts.SyntaxKind.AsteriskAsteriskToken:
        return left.kind === "bigint" || right.kind === "bigint" ? { kind: "bigint" } : { kind: "number" };
      case ts.SyntaxKind.QuestionQuestionToken:
      case ts.SyntaxKind.BarBarToken:
        return union([left, right]);
      default:
        return any;
    }
  }

  private ofObject(node: ts.ObjectLiteralExpression): ParameterType {
    const fields: Record<string, { type: ParameterType; optional: boolean }> = {};
    for (const property of node.properties) {
      const name = property.name && propertyName(property.name);
      if (
        name === undefined ||
        (!ts.isPropertyAssignment(property) && !ts.isShorthandPropertyAssignment(property))
      ) {
        return { kind: "record", value: any };
      }
      const value = ts.isPropertyAssignment(property) ? property.initializer : property.name;
      fields[name] = { type: this.ofExpression(value), optional: false };
    }
    return { kind: "object", fields };
  }
}

function propertyName(name: ts.PropertyName): string | undefined {
  return ts.isIdentifier(name) || ts.isStringLiteralLike(name) || ts.isNumericLiteral(name)
    ? name.text
    : undefined;
}

/** The calls and constants that parameters are commonly computed with. */
function wellKnown(text: string): ParameterType {
  if (/^(Math\.|Number\b|parseInt\(|parseFloat\(|Date\.now\()/.test(text)) return { kind: "number" };
  if (/^String\(/.test(text)) return { kind: "string" };
  return /^Boolean\(/.test(text) ? { kind: "boolean" } : any;
}

/** A union without repetitions; `any` when a member is. */
function union(types: ParameterType[]): ParameterType {
  const members = types.flatMap((type) => (type.kind === "union" ? type.members : [type]));
  if (members.some((member) => member.kind === "any")) return any;
  const distinct = [...new Map(members.map((member) => [JSON.stringify(member), member])).values()];
  return distinct.length === 1 ? distinct[0] : { kind: "union", members: distinct };
}
